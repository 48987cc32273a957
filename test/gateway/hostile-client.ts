import type { ChildProcess } from 'node:child_process';

/** What is to be sent over a connection of its own. */
export interface Sent {
  readonly port: number;
  /** Latin-1. */
  readonly text: string;
}

/** Reads {port, text in base64} line by line, sends each over a connection of its own, as many at once as it is told, and prints what came back to
 *  how many: the numbers of answers by status, and of connections that were not. A third of the connections is left open after the last byte. */
const CLIENT = `
import net from 'node:net';
import readline from 'node:readline';
const [host, atOnce] = process.argv.slice(1);
const { address } = await (await import('node:dns/promises')).lookup(host, { family: 4 });
const statuses = {};
let [sent, failed, count] = [0, 0, 0];
const one = (port, bytes, open) => new Promise((resolve) => {
  const socket = net.connect({ host: address, port });
  const late = setTimeout(() => socket.destroy(), 5000);
  let quiet;
  socket.on('error', () => { failed += 1; });
  socket.on('data', (chunk) => {
    for (const [, status] of chunk.toString('latin1').matchAll(/HTTP\\/1\\.[01] ([0-9]{3})/g)) statuses[status] = (statuses[status] ?? 0) + 1;
    if (open) { clearTimeout(quiet); quiet = setTimeout(() => socket.destroy(), 60); }
  });
  socket.on('end', () => socket.end());
  socket.on('close', () => { clearTimeout(late); clearTimeout(quiet); resolve(); });
  socket.once('connect', () => { sent += 1; open ? socket.write(bytes) : socket.end(bytes); if (open) quiet = setTimeout(() => socket.destroy(), 250); });
});
const running = new Set();
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [port, text] = line.split(' ');
  const work = one(Number(port), Buffer.from(text, 'base64'), count++ % 3 === 0).then(() => running.delete(work));
  running.add(work);
  if (running.size >= Number(atOnce)) await Promise.race(running);
}
await Promise.all(running);
console.log(JSON.stringify({ sent, failed, statuses }));
`;

export interface Answers {
  readonly sent: number;
  readonly failed: number;
  readonly statuses: Readonly<Record<string, number>>;
}

/** @param start  starts Node with these arguments wherever the bytes are to come from */
export async function sendAll(
  start: (args: readonly string[]) => ChildProcess,
  host: string,
  all: Iterable<Sent>,
  atOnce: number = 64,
): Promise<Answers> {
  const child = start(['--input-type=module', '-e', CLIENT, host, String(atOnce)]);
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error('the client has no pipes');
  let [out, err] = ['', ''];
  stdout.on('data', (text) => {
    out += text;
  });
  stderr.on('data', (text) => {
    err += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  stdin.on('error', () => {}); // told by its end
  for (const { port, text } of all) {
    if (child.exitCode !== null) break;
    if (stdin.write(`${port} ${Buffer.from(text, 'latin1').toString('base64')}\n`)) continue;
    await Promise.race([new Promise((resolve) => stdin.once('drain', resolve)), ended]);
  }
  stdin.end();
  await ended;
  if (err !== '' || out === '') throw new Error(`the client ended: ${err}`);
  return JSON.parse(out);
}

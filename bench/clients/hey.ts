import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { HOST } from '../internet.ts';
import type { Way } from '../load.ts';
import { UNPACKED } from '../peers/peers.ts';
import { processorSeconds } from '../processes.ts';

/** Debian's hey: a native client (Go) whose own part of a new TLS connection is half of what one with OpenSSL 3.0 takes and less than that of one of Node's.
 *  It keeps no sessions, so that each connection is a whole handshake, offers no ALPN, and does not look at certificates. */
const HEY: string = join(UNPACKED, 'usr/bin/hey');
const SIZE = 200;
const BODY = 'x'.repeat(SIZE);

/** New connections, each with one request for 200 bytes. */
export interface Opened {
  readonly connections: number;
  /** Connections per second of all clients together. */
  readonly rate: number;
  /** Milliseconds of processor for each connection that the clients took. */
  readonly clientMs: number;
}

/** So many clients at once, each a process with one processor at most.
 *  @throws Error for any answer but 200 and 200 bytes, any failed request, and when fewer connections were made than requests */
export async function newConnections(way: Way, seconds: number, atOnce: number, clients: number): Promise<Opened> {
  const before = [reaped(), opens(way, clients)] as const;
  const told = await Promise.all(
    Array.from({ length: clients }, (_, client) =>
      said(inside(way, client, [HEY, ...load(seconds, atOnce), ...target(way)])),
    ),
  );
  const done = told.map((text) => readHey(way.name, text));
  const connections = done.reduce((sum, one) => sum + one.requests, 0);
  const made = opens(way, clients) - before[1];
  if (made < connections) throw new Error(`${way.name}: ${connections} requests on ${made} connections`);
  const rate = done.reduce((sum, one) => sum + one.requests / one.seconds, 0);
  return { connections, rate, clientMs: (1000 * (reaped() - before[0])) / connections };
}

/** What hey says, if all went well: requests and the seconds they took.  @throws Error with what did not */
export function readHey(name: string, text: string): { requests: number; seconds: number } {
  const statuses = [...text.matchAll(/^\s*\[(\d{3})\]\s+(\d+) responses$/gm)];
  const requests = Number(statuses[0]?.[2] ?? 0);
  const bytes = Number(/Total data:\s+(\d+) bytes/.exec(text)?.[1] ?? 0);
  const wrong = text.includes('Error distribution') || statuses.length !== 1 || statuses[0]?.[1] !== '200';
  if (wrong || bytes !== SIZE * requests)
    throw new Error(`${name}: ${text.slice(text.indexOf('Status code')).trim().replace(/\s+/g, ' ').slice(0, 300)}`);
  return { requests, seconds: Number(/Total:\s+([\d.]+) secs/.exec(text)?.[1] ?? Number.NaN) };
}

/** Directly, the server sees what the clients do: a connection and a whole handshake for each request, and nothing resumed. The same client in
 *  the same words is what all ways are measured with. @throws Error if it is otherwise */
export async function wholeHandshakes(direct: Way, run: () => Promise<Opened>): Promise<Opened> {
  const before = counted(direct);
  const opened = await run();
  const after = counted(direct);
  const whole = after.whole - before.whole - 1; // and the one that asks
  const resumed = after.resumed - before.resumed;
  if (resumed !== 0 || whole < opened.connections)
    throw new Error(`${opened.connections} requests took ${whole} whole handshakes and ${resumed} resumed ones`);
  return opened;
}

function counted(direct: Way): { whole: number; resumed: number } {
  return JSON.parse(curl(direct, '/handshakes')) as { whole: number; resumed: number };
}

/** One answer of each way is looked at byte by byte: hey only counts them. @throws Error if it is another */
export function sameBody(way: Way): void {
  const body = curl(way, `/${SIZE}`);
  if (body !== BODY) throw new Error(`${way.name}: the body is ${JSON.stringify(body.slice(0, 200))}`);
}

function curl(way: Way, path: string): string {
  const { to, connect } = way;
  const by = connect ? ['-x', `http://${to.address}:${to.port}`] : ['--connect-to', `::${to.address}:${to.port}`];
  const [command = '', ...args] = inside(way, 0, ['curl', '-sSk', '-m', '10', ...by, `https://${HOST}${path}`]);
  return execFileSync(command, args, { encoding: 'utf8' });
}

function load(seconds: number, atOnce: number): string[] {
  return ['-disable-keepalive', '-cpus', '1', '-z', `${seconds}s`, '-c', String(atOnce)];
}

function target({ to, connect }: Way): string[] {
  if (connect) return ['-x', `http://${to.address}:${to.port}`, `https://${HOST}/${SIZE}`];
  return ['-host', HOST, `https://${to.address}:${to.port}/${SIZE}`];
}

function inside(way: Way, client: number, argv: readonly string[]): string[] {
  const netns = way.netns(client);
  return netns === undefined ? [...argv] : ['ip', 'netns', 'exec', netns, ...argv];
}

function said([command = '', ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    child.once('error', reject);
    child.once('close', () => resolve(text));
  });
}

/** TCP connections that were begun where the clients are (RFC 1213, tcpActiveOpens). */
function opens(way: Way, clients: number): number {
  const places = new Set(Array.from({ length: clients }, (_, client) => way.netns(client)));
  let sum = 0;
  for (const [client] of [...places].entries()) {
    const [command = '', ...args] = inside(way, client, ['cat', '/proc/net/snmp']);
    const text = execFileSync(command, args, { encoding: 'utf8' });
    sum += Number(/^Tcp: (?:-?\d+ ){4}(\d+) /m.exec(text)?.[1]);
  }
  return sum;
}

/** Seconds of processor of the children that have ended. */
function reaped(): number {
  return processorSeconds(process.pid, true) - processorSeconds(process.pid);
}

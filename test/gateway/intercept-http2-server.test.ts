import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { ReadWorld } from './read-world.ts';

// A hostile server of HTTP/2 behind the gateway: the agent gets an answer that is whole and clean, or an error, in time; the gateway stays as it
// was, and others are served meanwhile.

interface Said {
  readonly deeds?: readonly string[];
  readonly told?: number;
  readonly flooded?: string;
  readonly frames?: number;
  readonly ended?: boolean;
}
const world = new ReadWorld<Said>();
before(() => world.begin('http2-hostile-origin.ts'));
after(() => world.stop());

const megabytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;

/** For each line of its input asks over a connection of its own, by Node's HTTP/2, and prints what came. With `silent`: reads nothing. */
const CLIENT = `
import http2 from 'node:http2';
import tls from 'node:tls';
import readline from 'node:readline';
const ask = () => new Promise((resolve) => {
  const began = performance.now();
  const got = { body: 0, text: '' };
  const done = (error) => { clearTimeout(late); session.destroy(); resolve({ ...got, ...(error && { error }), ms: Math.round(performance.now() - began) }); };
  const late = setTimeout(() => done('late'), 30_000);
  const session = http2.connect('https://allow.test:9443', { maxSessionMemory: 1000 });
  session.on('error', (error) => done(error.code ?? error.message));
  session.on('stream', () => { got.pushed = true; });
  const stream = session.request({ ':path': '/' });
  stream.on('headers', () => { got.interim = (got.interim ?? 0) + 1; });
  stream.on('response', (headers) => { got.status = headers[':status']; got.headers = Object.entries(headers).flat().map(String); });
  stream.on('trailers', (headers) => { got.trailers = Object.entries(headers).flat().map(String); });
  stream.on('data', (chunk) => { got.body += chunk.length; if (got.text.length < 20) got.text += chunk; });
  stream.on('error', (error) => done(error.code ?? error.message));
  stream.on('end', () => { got.end = true; });
  stream.on('close', () => done(got.end && stream.rstCode === 0 ? undefined : 'closed ' + stream.rstCode));
});
const frame = (type, flags, id, payload = Buffer.alloc(0)) => Buffer.concat([Buffer.from([payload.length >> 16, payload.length >> 8, payload.length, type, flags, 0, 0, 0, id]), payload]);
const text = (one) => Buffer.from([one.length, ...Buffer.from(one)]);
const fields = Object.entries({ ':method': 'GET', ':scheme': 'https', ':authority': 'allow.test:9443', ':path': '/' });
const hush = () => new Promise((resolve) => {
  const socket = tls.connect({ host: 'allow.test', port: 9443, servername: 'allow.test', ALPNProtocols: ['h2'] });
  socket.on('error', () => {});
  socket.once('secureConnect', () => {
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'), frame(4, 0, 0), frame(1, 5, 1, Buffer.concat(fields.flatMap(([n, v]) => [Buffer.from([0]), text(n), text(v)])))]));
    setTimeout(() => { socket.destroy(); resolve({ body: 0, text: '', ms: 0 }); }, 4000);
  });
});
for await (const line of readline.createInterface({ input: process.stdin })) console.log(JSON.stringify(await (line === 'silent' ? hush() : ask())));`;

interface Got {
  readonly status?: number;
  readonly headers?: readonly string[];
  readonly trailers?: readonly string[];
  readonly body: number;
  readonly text: string;
  readonly interim?: number;
  readonly pushed?: boolean;
  readonly error?: string;
  readonly ms: number;
}

let client: ChildProcess;
let answers: AsyncIterator<string>;

async function suffer(deed: string, how: 'silent' | 'reading' = 'reading'): Promise<Got> {
  const told = world.said.length;
  world.origin.stdin?.write(`${deed}\n`);
  await world.heard((one) => one.told !== undefined && world.said.indexOf(one, told) >= 0);
  client.stdin?.write(`${how}\n`);
  const { value, done } = await answers.next();
  assert.ok(!done, `the client ended at ${deed}`);
  return JSON.parse(value);
}

const EVIL = /x-evil|x-odd|x odd|connection|transfer-encoding|x-bomb/i;

test('whatever a server does in HTTP/2, the agent has a whole answer or an error in time, and the gateway stays as it was', async () => {
  const trust = `NODE_EXTRA_CA_CERTS=${world.authority}`;
  client = world.background('coder', ['env', trust, process.execPath, '--input-type=module', '-e', CLIENT]);
  client.stderr?.pipe(process.stderr);
  answers = createInterface({ input: client.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const { deeds = [] } = await world.heard((one) => one.deeds !== undefined);
  assert.ok(deeds.length > 50);
  for (let i = 0; i < 3; i++) assert.equal((await suffer('/fine')).status, 200);
  const calm = megabytes();
  let worst = { deed: '', grown: 0 };
  const outcomes: string[] = [];
  for (const deed of deeds) {
    const got = await suffer(deed);
    outcomes.push(`${deed.slice(1)} ${got.error ?? got.status}`);
    assert.equal(world.gateway.exitCode, null, deed);
    assert.notEqual(got.error, 'late', deed);
    assert.ok((got.interim ?? 0) <= 32, `${deed}: ${got.interim} answers before the answer`);
    assert.ok(
      !got.pushed && !EVIL.test([...(got.headers ?? []), ...(got.trailers ?? [])].join()),
      `${deed}: ${JSON.stringify(got)}`,
    );
    if (megabytes() - calm > worst.grown) worst = { deed, grown: megabytes() - calm };
    assert.equal((await suffer('/fine')).text, 'fine', `${deed}: another is served after it`);
  }
  console.log(outcomes.join(', '));
  console.log(
    `${deeds.length} deeds; the gateway had ${calm.toFixed()} MB and grew by ${worst.grown.toFixed()} MB at most (${worst.deed})`,
  );
  assert.ok(worst.grown < 64);
});

const SILENT = process.env.BULKHEAD_LONG ? ['/beyond-window', '/settings', '/pings', '/push', '/goaways'] : [];
for (const deed of ['/interim', ...SILENT])
  test(`${deed.slice(1)} from a server, while the agent reads nothing, does not become memory`, async () => {
    await suffer('/fine');
    const calm = megabytes();
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, megabytes() - calm);
    }, 100);
    await suffer(deed, 'silent');
    clearInterval(watching);
    const flooded = world.said.findLast((one) => one.flooded === deed);
    console.log(`${deed.slice(1)}: ${flooded?.frames ?? '?'} frames, the gateway grew by ${most.toFixed()} MB`);
    assert.equal(world.gateway.exitCode, null);
    assert.ok(most < 64, `it grew by ${most.toFixed()} MB`);
    assert.equal((await suffer('/fine')).text, 'fine');
  });

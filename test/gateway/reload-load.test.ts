import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FUZZ } from '../protocol/seed.ts';
import { random } from './hostile-corpus.ts';
import { World } from './world.ts';

// While requests run, the policy is replaced again and again: one grants /a, the next /b, none /never.

const RELOADS = process.env.BULKHEAD_LONG ? 10_000 : 300;
const FAR = '203.0.113.10';
const PORT = 9101;
const world = new World();
const seen: string[] = [];

before(async () => {
  await world.start({ 'allow.test': FAR });
  await reload('a');
  await world.agent('coder');
  const program = fileURLToPath(new URL('plain-origin.ts', import.meta.url));
  const origin = world.outsideBackground([process.execPath, program, FAR, String(PORT)]);
  origin.stderr?.pipe(process.stderr);
  await new Promise<void>((resolve, reject) => {
    origin.once('close', () => reject(new Error('the server ended')));
    let text = '';
    origin.stdout?.on('data', (chunk) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines.map((one) => JSON.parse(one))) {
        if (line.ready) resolve();
        else seen.push(String(line.path));
      }
    });
  });
});
after(() => world.stop());

const reload = (granted: 'a' | 'b'): Promise<unknown> =>
  world.policy({ coder: [{ host: 'allow.test', port: PORT, paths: [`/${granted}/*`] }] });

/** 24 connections, each asking for /a, /b or /never in turn until its input ends, every request by another name. Prints [path, status, when it
 *  was sent, when it was answered] of each; a text for its status: why it has none. Times in milliseconds of the monotonic clock. */
const CLIENT = `
import http from 'node:http';
import { lookup } from 'node:dns/promises';
const { address } = await lookup('allow.test', { family: 4 });
const agent = new http.Agent({ keepAlive: true, maxSockets: 24 });
const now = () => Number(process.hrtime.bigint()) / 1e6;
let over = false;
process.stdin.on('data', () => {}).on('end', () => { over = true; });
let count = 0;
const ask = (path) => new Promise((resolve) => {
  const began = now();
  const done = (status) => resolve([path, status, began, now()]);
  http.get({ host: address, port: ${PORT}, path, agent, headers: { host: 'allow.test:${PORT}' } }, (response) => {
    response.resume().on('end', () => done(response.statusCode)).on('error', () => done('cut off'));
  }).on('error', (error) => done(error.code ?? error.message));
});
await Promise.all(Array.from({ length: 24 }, async () => {
  while (!over) {
    const turn = count++;
    const one = await ask('/' + ['a', 'b', 'a', 'b', 'never'][turn % 5] + '/' + turn);
    process.stdout.write(JSON.stringify(one) + '\\n');
  }
}));
process.exit();`;

const megabytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

test(`${RELOADS} reloads under load: each request is judged by a policy that stood while it was asked, and by all of it`, async () => {
  const client = world.background('coder', [process.execPath, '--input-type=module', '-e', CLIENT]);
  let [out, err] = ['', ''];
  client.stdout?.on('data', (text) => {
    out += text;
  });
  client.stderr?.on('data', (text) => {
    err += text;
  });
  const ended = new Promise((resolve) => client.once('close', resolve));
  const pause = (ms: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms));
  /** Which stood from some moment between `began` and `done` on. */
  const stood = [{ granted: 'a', began: 0, done: 0 }];
  await Promise.race([ended, once(client.stdout as NodeJS.ReadableStream, 'data')]);
  const before_ = megabytes();
  const r = random(FUZZ.seed);
  const memory: number[] = [];
  const begun = performance.now();
  for (let i = 0; i < RELOADS && client.exitCode === null; i++) {
    const granted = i % 2 === 0 ? 'b' : 'a';
    if (i % 50 === 0 && world.gateway.exitCode === null) memory.push(megabytes());
    const began = monotonic();
    await reload(granted);
    stood.push({ granted, began, done: monotonic() });
    if (i % 20 === 0) await pause(150);
    else if (r(4) === 0) await pause(r(6));
  }
  const seconds = (performance.now() - begun) / 1000;
  client.stdin?.end();
  await ended;
  assert.equal(err, '');
  const after_ = megabytes();
  const answers = out
    .trim()
    .split('\n')
    .map((line): [string, number | string, number, number] => JSON.parse(line));
  const recorded = new Map<string, number>();
  for (const { event, path } of world.entries)
    if (event === 'egress.request') recorded.set(String(path), (recorded.get(String(path)) ?? 0) + 1);
  const passed = answers.filter(([, status]) => status === 200).length;
  await world.counted(() => seen.length, passed);
  let certain = 0;
  for (const [path, status, sent, answered] of answers) {
    const kind = path.split('/')[1] as string;
    assert.ok(status === 200 || status === 403, `${path} was answered with ${status}`);
    if (kind === 'never') assert.equal(status, 403);
    if (kind === 'never') continue;
    const standing = new Set(between(stood, sent, answered));
    if (standing.size === 1) certain += 1;
    assert.ok(
      standing.has(status === 200 ? kind : kind === 'a' ? 'b' : 'a'),
      `${path}: ${status} while only ${[...standing]} was granted`,
    );
  }
  console.log(
    `${RELOADS} reloads in ${seconds.toFixed()} s beside ${answers.length} requests: ${passed} passed, ${answers.length - passed} refused, ` +
      `${certain} while one policy alone stood; the gateway had ${before_.toFixed()} MB and has ${after_.toFixed()} MB`,
  );
  assert.ok(certain > 0 && passed > 0, `${certain} ${passed}`);
  assert.deepEqual(
    seen.filter((path) => recorded.get(path) !== 1),
    [],
    'each that the server saw is on record, once',
  );
  assert.equal(new Set(seen).size, seen.length);
  assert.equal(seen.length, passed);
  // A request that is on record may still be refused: policy is asked once more after that.
  const refused = new Set(answers.filter(([, status]) => status === 403).map(([path]) => path));
  assert.deepEqual(
    [...recorded.keys()].filter((path) => !seen.includes(path) && !refused.has(path)),
    [],
    'what is on record and was not sent was refused',
  );
  // A heap grows to a size that it then keeps.
  const [first, second] = [memory.slice(0, memory.length / 2), memory.slice(memory.length / 2)].map((some) =>
    Math.max(...some),
  );
  console.log(`at most ${first?.toFixed()} MB in the first half, ${second?.toFixed()} MB in the second`);
  assert.ok((second ?? 0) < (first ?? 0) + 64 && after_ < 400, `it grew to ${after_.toFixed()} MB`);
  assert.equal(world.gateway.exitCode, null);
});

/** What may have been granted at some time from one moment to another. */
function between(
  stood: readonly { granted: string; began: number; done: number }[],
  from: number,
  to: number,
): string[] {
  return stood
    .filter(({ began }, i) => began <= to && (stood[i + 1]?.done ?? Number.POSITIVE_INFINITY) >= from)
    .map(({ granted }) => granted);
}

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { canonicalJson } from '../../src/model/canonical.ts';
import { verifyLedger } from '../../src/programs/ledger/verify.ts';
import { dialLedger } from '../../src/wire/ledger-client.ts';
import {
  connect,
  finish,
  folder,
  GATEWAY_UID,
  kill,
  type Running,
  read,
  readAll,
  signed,
  start,
  started,
  until,
} from './process.ts';

const OPERATOR_UID = 64_902;
const STRANGER_UID = 64_903;
const asRoot = process.getuid?.() === 0 ? {} : { skip: 'needs root to be several users' };

/** Sends one request as another user, whose program is not ours: Python, by the frame format alone. */
async function asUser(uid: number, running: Running, request: object): Promise<string> {
  chmodSync(join(running.socket, '..'), 0o711);
  const program = `import socket,struct,sys
s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); b=sys.argv[2].encode()
try:
  s.sendall(struct.pack('>I',len(b))+b); h=s.recv(4)
except OSError: h=b''
print(s.recv(struct.unpack('>I',h)[0]).decode() if h else 'cut off')`;
  const child = spawn('python3', ['-c', program, running.socket, JSON.stringify(request)], { uid, gid: uid });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  await once(child, 'close');
  return out.trim();
}

async function fresh(t: TestContext): Promise<{ running: Running; home: string }> {
  const home = folder(t);
  return { running: await started(t, home), home };
}

test('entries are numbered, stamped with time and writer, and read back as they were sent', async (t) => {
  const { running } = await fresh(t);
  const client = await connect(t, running);
  const sent = { event: 'egress.denied', agent: 'coder', host: 'x.test', port: 443 };
  assert.deepEqual(await client.append([sent, { event: 'step.begin' }], 'acknowledged'), { index: 0 });
  assert.deepEqual(await client.append([{ event: 'step.end' }], 'accepted'), { index: 2 });
  const { entries, size } = await read(client, {});
  assert.equal(size, 3);
  const { time, ...first } = entries[0] as { index: number; time: string };
  assert.deepEqual(first, { ...sent, index: 0, by: 'warden' });
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('a reading can be narrowed by agent, event, range and count, and goes on where it was cut', async (t) => {
  const { running } = await fresh(t);
  const client = await connect(t, running);
  const entries = Array.from({ length: 900 }, (_, i) => ({
    event: i % 3 === 0 ? 'egress.denied' : 'egress.allowed',
    agent: i % 2 === 0 ? 'coder' : 'clerk',
    note: `"agent":"coder" "event":"egress.denied" ${i}`,
  }));
  await client.append(entries, 'acknowledged');
  await signed(client, 900); // most of it is in bundles by now
  await client.append([{ event: 'step.begin' }], 'acknowledged');
  const indices = async (body: object): Promise<number[]> =>
    (await read(client, body)).entries.map(({ index }) => index);
  assert.deepEqual(await indices({ last: 2 }), [899, 900]);
  assert.deepEqual(await indices({ agent: 'clerk', event: 'egress.denied', last: 2 }), [891, 897]);
  assert.deepEqual(await indices({ agent: 'clerk', event: 'egress.denied', most: 2 }), [3, 9]);
  assert.equal((await indices({ event: 'egress.*' })).length, 900);
  assert.deepEqual(await indices({ from: 254, to: 258 }), [254, 255, 256, 257]);
  assert.deepEqual(await indices({ from: 5000 }), []);
  assert.equal((await read(client, { most: 100 })).next, 100);
  assert.equal((await readAll(client)).length, 901);
});

test('who may ask for what is decided by the uid that the kernel names', asRoot, async (t) => {
  const { running } = await fresh(t);
  const client = await connect(t, running);
  const append = { id: 1, do: 'append', entries: [{ event: 'dns.refused' }], strength: 'acknowledged' };
  assert.match(await asUser(GATEWAY_UID, running, append), /"ok":\{"index":0\}/);
  assert.equal((await read(client, {})).entries[0]?.by, 'gateway');
  assert.match(await asUser(GATEWAY_UID, running, { id: 1, do: 'read' }), /not-permitted/);
  assert.match(await asUser(GATEWAY_UID, running, { id: 1, do: 'readers', uids: [1] }), /not-permitted/);
  assert.equal(await asUser(OPERATOR_UID, running, { id: 1, do: 'read' }), 'cut off');
  await client.client.call('readers', { uids: [OPERATOR_UID] });
  assert.match(await asUser(OPERATOR_UID, running, { id: 1, do: 'read' }), /"size":1/);
  assert.match(await asUser(OPERATOR_UID, running, append), /not-permitted/);
  assert.equal(await asUser(STRANGER_UID, running, { id: 1, do: 'health' }), 'cut off');
});

test('requests that make no sense are answered with a Failure and change nothing', async (t) => {
  const { running } = await fresh(t);
  const { client } = await connect(t, running);
  const bad: [string, object][] = [
    ['append', {}],
    ['append', { entries: [], strength: 'accepted' }],
    ['append', { entries: [{ event: 'x' }] }],
    ['append', { entries: [{ event: 'x' }, { event: 'y', by: 'root' }], strength: 'accepted' }],
    ['append', { entries: Array(1001).fill({ event: 'x' }), strength: 'accepted' }],
    ['read', { from: -1 }],
    ['read', { most: 'all' }],
    ['read', { agent: '../x' }],
    ['follow', { from: 1.5 }],
    ['readers', { uids: ['root'] }],
    ['shutdown', {}],
    ['__proto__', {}],
  ];
  for (const [name, body] of bad) await assert.rejects(client.call(name, body), { name: 'Failure' }, name);
  assert.deepEqual((await client.call('health')) as object, {
    accepted: 0,
    acknowledged: 0,
    signed: 0,
    oldestUnsyncedMs: 0,
    full: false,
  });
});

test('a follower gets every entry from where it asked, once and in order, across bundles', async (t) => {
  const { running } = await fresh(t);
  const writer = await connect(t, running);
  const follower = await connect(t, running);
  const batch = (from: number, count: number): object[] =>
    Array.from({ length: count }, (_, i) => ({ event: 'step.begin', n: from + i }));
  await writer.append(batch(0, 600) as { event: string }[], 'acknowledged');
  await signed(writer, 600);
  const got: number[] = [];
  const all = new Promise<void>((resolve) => {
    follower.client.onNotice = (notice) => {
      got.push((notice as { entry: { n: number } }).entry.n);
      if (got.length === 700) resolve();
    };
  });
  await follower.client.call('follow', { from: 100 });
  for (let n = 600; n < 800; n += 20) await writer.append(batch(n, 20) as { event: string }[], 'accepted');
  await all;
  assert.deepEqual(
    got,
    Array.from({ length: 700 }, (_, i) => 100 + i),
  );
});

test('within a second and a half a signed head covers what was acknowledged, and old partial tiles are gone', async (t) => {
  const { running } = await fresh(t);
  const client = await connect(t, running);
  const took: number[] = [];
  const add = async (count: number, size: number): Promise<void> => {
    await client.append(Array(count).fill({ event: 'step.begin' }), 'acknowledged');
    const begun = performance.now();
    await signed(client, size);
    took.push(performance.now() - begun);
  };
  for (let round = 1; round <= 2; round++) {
    await add(150, 150 * round);
    const head = (await client.client.call('head')) as { size: number; root: string; checkpoint: string };
    assert.equal(head.size, 150 * round);
    assert.equal(head.checkpoint, readFileSync(join(running.dir, 'checkpoint'), 'utf8'));
  }
  const files = readdirSync(join(running.dir, 'tile'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(running.dir.length + 1));
  assert.deepEqual(files.sort(), [
    'tile/0/000',
    'tile/0/001.p/44',
    'tile/1/000.p/1',
    'tile/entries/000',
    'tile/entries/001.p/44',
  ]);
  // A machine that stands still for a moment says nothing about it.
  const late = (): boolean => (took.at(-1) ?? Number.NaN) > 1500;
  for (let size = 301; late() && size < 310; size++) await add(1, size);
  assert.ok(!late(), `signed after ${took.map(Math.round).join(', ')} ms`);
});

test('the end of the lifeline is a clean end: all signed, no log left, no gap at the next start', async (t) => {
  const { running, home } = await fresh(t);
  const client = await connect(t, running);
  await client.append([{ event: 'step.begin' }], 'accepted');
  assert.equal(await finish(running), 0);
  assert.deepEqual(readdirSync(join(running.dir, 'log')), []);
  assert.ok(!existsSync(join(running.dir, 'running')));
  assert.deepEqual(await verifyLedger(running.dir).then((it) => it.ok && [it.size, it.unsigned]), [1, 0]);
  const again = await connect(t, await started(t, home));
  assert.deepEqual(
    (await readAll(again)).map(({ event }) => event),
    ['step.begin'],
  );
});

test('what is written while it ends is refused or kept, never confirmed and dropped', async (t) => {
  const { running, home } = await fresh(t);
  const told: number[] = [];
  const refusals: string[] = [];
  const writer = async (): Promise<void> => {
    const client = await connect(t, running);
    for (let on = true; on; )
      await client.append([{ event: 'step.begin' }], 'acknowledged').then(
        ({ index }) => told.push(index),
        (error: { code: string }) => {
          refusals.push(error.code);
          on = false;
        },
      );
  };
  const writers = [writer(), writer(), writer()];
  await until(() => told.length > 10, 'nothing is acknowledged');
  assert.equal(await finish(running), 0);
  await Promise.all(writers);
  assert.deepEqual(refusals, Array(3).fill('record-failed'));
  const entries = await readAll(await connect(t, await started(t, home)));
  assert.deepEqual(
    entries.map(({ index }) => index),
    told.sort((a, b) => a - b),
  );
});

test('a killed process leaves a gap that says nothing was lost, a lost machine one that says it is possible', async (t) => {
  const { running, home } = await fresh(t);
  await (await connect(t, running)).append([{ event: 'step.begin' }], 'acknowledged');
  await kill(running);
  const second = await started(t, home);
  assert.equal((await read(await connect(t, second), { last: 1 })).entries[0]?.lost, 'none');
  await kill(second);
  writeFileSync(join(second.dir, 'running'), '00000000-0000-0000-0000-000000000000\n');
  const third = await connect(t, await started(t, home));
  const { entries } = await read(third, {});
  assert.deepEqual(
    entries.map(({ event, lost }) => [event, lost]),
    [
      ['step.begin', undefined],
      ['gap', 'none'],
      ['gap', 'possible'],
    ],
  );
});

test('an entry too long for a bundle is kept whole beside it', async (t) => {
  const { running } = await fresh(t);
  const client = await connect(t, running);
  const entry = { event: 'command.started', agent: 'coder', argv: ['x'.repeat(2_000_000)] };
  await client.append([entry], 'acknowledged');
  const whole = (await read(client, {})).entries[0]?.whole as string;
  assert.equal(readFileSync(join(running.dir, 'whole', whole), 'utf8'), canonicalJson(entry));
});

test('the key, the log and the folder are for the ledger alone; the verifier key is not secret', async (t) => {
  const { running } = await fresh(t);
  const mode = (path: string): number => statSync(join(running.dir, path)).mode & 0o777;
  assert.equal(mode('.'), 0o700);
  assert.equal(mode('key'), 0o600);
  assert.equal(mode('log'), 0o700);
  assert.equal(statSync(running.socket).mode & 0o777, 0o666);
});

test('a second ledger over the same folder does not start', async (t) => {
  const { running, home } = await fresh(t);
  assert.equal(await start(t, home), undefined);
  assert.equal(running.child.exitCode, null);
});

test('a caller whose ledger has gone is refused, not left waiting', async (t) => {
  const { running } = await fresh(t);
  const client = await connect(t, running);
  const gone = new Promise((resolve) => {
    client.client.onEnd = resolve;
  });
  await kill(running);
  await gone;
  await assert.rejects(client.append([{ event: 'x' }], 'accepted'), { name: 'Failure', code: 'record-failed' });
  await assert.rejects(dialLedger(running.socket), { name: 'Failure', code: 'record-failed' });
});

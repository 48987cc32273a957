import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { recordBytes } from '../../src/ledger/record.ts';
import { verifyLedger } from '../../src/programs/ledger/verify.ts';
import { dialLedger, type Strength } from '../../src/wire/ledger-client.ts';
import {
  connect,
  finish,
  folder,
  kill,
  type Read,
  type Running,
  readAll,
  signed,
  start,
  started,
  until,
} from './process.ts';

const LONG = process.env.BULKHEAD_LONG === '1';
const SEED = 20260115;

/** A small generator of our own (mulberry32), so that a failing run can be had again. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the writers were told: index -> what they wrote there. */
interface Promised {
  readonly acknowledged: Map<number, string>;
  readonly accepted: Map<number, string>;
  /** The last signed head anybody saw. */
  head: string | undefined;
}

const promised = (): Promised => ({ acknowledged: new Map(), accepted: new Map(), head: undefined });

/** Writers that go on until their ledger goes away. */
async function write(running: Running, writers: number, run: string, promises: Promised): Promise<void> {
  const one = async (writer: number): Promise<void> => {
    const client = await dialLedger(running.socket);
    for (let n = 0; ; n++) {
      const strength: Strength = (n + writer) % 3 === 0 ? 'accepted' : 'acknowledged';
      const names = Array.from({ length: 1 + (n % 3) }, (_, i) => `${run}/${writer}/${n}/${i}`);
      const { index } = await client.append(
        names.map((name) => ({ event: 'step.begin', name, pad: 'x'.repeat((n * 37) % 500) })),
        strength,
      );
      for (const [i, name] of names.entries()) promises[strength].set(index + i, name);
      if (n % 20 === 0) promises.head = ((await client.client.call('head')) as { checkpoint: string }).checkpoint;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, i) => one(i).catch(() => {})));
}

function holds(entries: Read['entries'], told: ReadonlyMap<number, string>, what: string): void {
  for (const [index, name] of told) assert.equal(entries[index]?.name, name, `${what} entry ${index}`);
  for (const [i, { index }] of entries.entries()) assert.equal(index, i);
}

async function verified(dir: string, promises: Promised): Promise<void> {
  const result = await verifyLedger(dir, promises.head === undefined ? {} : { earlier: [promises.head] });
  assert.ok(result.ok, JSON.stringify(result));
}

test('however often it is killed while eight writers write, nothing that it accepted is missing', async (t) => {
  const home = folder(t);
  const random = chance(SEED);
  const promises = promised();
  const rounds = LONG ? 100 : 6;
  t.diagnostic(`seed ${SEED}, ${rounds} kills`);
  for (let round = 0; round < rounds; round++) {
    const running = await started(t, home);
    const writing = write(running, 8, `${round}`, promises);
    await sleep(100 + random() * (LONG ? 2500 : 1400));
    // Where the disk or the machine is slow, so much later that something is at stake.
    const enough = 100 * (round + 1);
    await until(() => promises.acknowledged.size > enough, `only ${promises.acknowledged.size} acknowledged`);
    await kill(running);
    await writing;
    await verified(running.dir, promises);
  }
  const last = await started(t, home);
  const entries = await readAll(await connect(t, last));
  holds(entries, promises.acknowledged, 'acknowledged');
  holds(entries, promises.accepted, 'accepted');
  assert.equal(entries.filter(({ event }) => event === 'gap').length, rounds);
  t.diagnostic(`${promises.acknowledged.size} acknowledged, ${promises.accepted.size} accepted`);
  await finish(last);
  await verified(last.dir, promises);
});

/** What a loss of power can do: all that was synced is there, the rest of the log is cut anywhere and may end in rubbish. */
function losePower(dir: string, acknowledged: number, random: () => number): void {
  const name = readdirSync(join(dir, 'log')).sort().at(-1) as string;
  const path = join(dir, 'log', name);
  const file = readFileSync(path);
  let synced = 0;
  for (let index = Number(name); index < acknowledged; index++) {
    synced += recordBytes(file.subarray(synced + 8, synced + 8 + file.readUInt32BE(synced)));
  }
  const cut = synced + Math.floor(random() * (file.length - synced + 1));
  truncateSync(path, cut);
  const rubbish = [
    Buffer.alloc(0),
    Buffer.alloc(5000),
    Buffer.from(file.subarray(0, 700)).fill(0xa5, 300),
    Buffer.from([0, 0, 1]),
  ];
  writeFileSync(path, rubbish[Math.floor(random() * rubbish.length)] as Buffer, { flag: 'a' });
  writeFileSync(join(dir, 'running'), 'another boot\n');
}

test('a loss of power costs no acknowledged entry, is repaired, and leaves a gap that says so', async (t) => {
  const random = chance(SEED + 1);
  const rounds = LONG ? 60 : 5;
  const home = folder(t);
  const promises = promised();
  t.diagnostic(`seed ${SEED + 1}, ${rounds} losses`);
  for (let round = 0; round < rounds; round++) {
    const running = await started(t, home);
    const health = (await (await connect(t, running)).client.call('health')) as { acknowledged: number };
    const writing = write(running, 4, `${round}`, promises);
    await sleep(50 + random() * 900);
    await kill(running);
    await writing;
    // What it began with, the gap of the loss before, is on disk also when no writer has been answered yet, and so is what its head covers.
    const head = Number(readFileSync(join(running.dir, 'checkpoint'), 'utf8').split('\n')[1]);
    const told = 1 + Math.max(-1, ...promises.acknowledged.keys());
    losePower(running.dir, Math.max(head, health.acknowledged, told), random);
  }
  const last = await started(t, home);
  const entries = await readAll(await connect(t, last));
  holds(entries, promises.acknowledged, 'acknowledged');
  assert.equal(entries.filter(({ event, lost }) => event === 'gap' && lost === 'possible').length, rounds);
  await finish(last);
  await verified(last.dir, promises);
});

test('records of an earlier segment, which a loss of power may bring back after the end, are a torn end', async (t) => {
  const home = folder(t);
  const running = await started(t, home);
  const client = await connect(t, running);
  await client.append(Array(5).fill({ event: 'step.begin' }), 'acknowledged');
  await kill(running);
  const log = join(running.dir, 'log', '0000000000000000');
  writeFileSync(log, readFileSync(log).subarray(0, 300), { flag: 'a' });
  writeFileSync(join(running.dir, 'running'), 'another boot\n');
  const again = await started(t, home);
  const entries = await readAll(await connect(t, again));
  assert.deepEqual(
    entries.map(({ index, event, lost }) => [index, event, lost]),
    [...[0, 1, 2, 3, 4].map((index) => [index, 'step.begin', undefined]), [5, 'gap', 'possible']],
  );
  await finish(again);
  await verified(again.dir, promised());
});

test('damage to what was acknowledged is not taken for a torn tail: the ledger does not start over it', async (t) => {
  const home = folder(t);
  const running = await started(t, home);
  const client = await connect(t, running);
  await client.append(Array(300).fill({ event: 'step.begin' }), 'acknowledged');
  await signed(client, 300); // and still in the log
  await kill(running);
  const log = join(running.dir, 'log', '0000000000000000');
  const bytes = readFileSync(log);
  const damaged = Buffer.from(bytes);
  damaged.writeUInt8(damaged.readUInt8(5000) ^ 1, 5000);
  const tile = join(running.dir, 'tile/entries/001.p/44');
  const bundle = readFileSync(tile);
  for (const [path, good, bad] of [
    [log, bytes, damaged],
    [tile, bundle, bundle.subarray(1)],
    [join(running.dir, 'checkpoint'), readFileSync(join(running.dir, 'checkpoint')), Buffer.from('forged\n')],
  ] as const) {
    writeFileSync(path, bad);
    assert.equal(await start(t, home), undefined, path);
    writeFileSync(path, good);
  }
  await started(t, home);
});

const CALLS = ['pwrite64', 'fdatasync', 'fsync', 'rename', 'unlink', 'rmdir', 'mkdir', 'openat', 'write'] as const;
const UNTIL: Record<string, number> = { fsync: 40, rename: 6, unlink: 8, rmdir: 4, mkdir: 14, openat: 60, write: 45 };

/** Kills the process at the nth of a call, counted per thread (one thread does all file work that is not synchronous). Without
 *  strace's --seccomp-bpf, under which it sends no signals. */
async function killAt(t: TestContext, call: string, nth: number): Promise<boolean> {
  const home = folder(t);
  const promises = promised();
  const strace = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`];
  const inject = ['-e', `inject=${call}:signal=KILL:when=${nth}`, 'env', 'UV_THREADPOOL_SIZE=1'];
  const first = await start(t, home, [...strace, ...inject]);
  if (first !== undefined) {
    const writing = write(first, 2, 'a', promises);
    let over = false;
    void first.exited.then(() => {
      over = true;
    });
    // What is done in a second, and on a slow machine in longer, but for the last head.
    await Promise.race([sleep(1000), first.exited]);
    await until(() => over || promises.acknowledged.size >= 60, `${call} ${nth}: nothing is acknowledged`);
    await finish(first);
    await writing;
  }
  const killed = first === undefined || first.child.signalCode === 'SIGKILL';
  const second = await started(t, home);
  const entries = await readAll(await connect(t, second));
  holds(entries, promises.acknowledged, `${call} ${nth}: acknowledged`);
  holds(entries, promises.accepted, `${call} ${nth}: accepted`);
  assert.equal(await finish(second), 0);
  await verified(second.dir, promises);
  return killed;
}

test('killed at any file operation, it starts again with all that it promised', async (t) => {
  const random = chance(SEED + 2);
  const all = CALLS.flatMap((call) => Array.from({ length: UNTIL[call] ?? 12 }, (_, i) => [call, i + 1] as const));
  const some = CALLS.map((call) => [call, 1 + Math.floor(random() * (UNTIL[call] ?? 12))] as const);
  let killed = 0;
  for (const [call, nth] of LONG ? all : some)
    await t.test(`${call} ${nth}`, async (t) => {
      if (await killAt(t, call, nth)) killed++;
    });
  t.diagnostic(`seed ${SEED + 2}, ${killed} of ${LONG ? all.length : some.length} were killed at the call`);
  assert.ok(killed >= some.length / 2);
});

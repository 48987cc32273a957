import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyLedger } from '../../src/programs/ledger/verify.ts';
import type { LedgerClient, Strength } from '../../src/wire/ledger-client.ts';
import { connect, finish, folder, kill, type Running, readAll, start, started } from './process.ts';

const entry = (name: string): { event: string; name: string } => ({ event: 'step.begin', name });
const asRoot = process.getuid?.() === 0 ? {} : { skip: 'needs root to mount a small file system' };

/** The real program under a disk that fails: strace lets the nth call of one kind fail. Which thread makes a call is not ours to say, so it may
 *  be one of those by which it begins: then it is started again, as its supervisor would. */
async function faulty(t: TestContext, home: string, ...inject: string[]): Promise<Running> {
  const calls = inject.map((one) => one.slice(0, one.indexOf(':'))).join(',');
  const expressions = inject.flatMap((one) => ['-e', `inject=${one}`]);
  const under = [
    'strace',
    '-D',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '--seccomp-bpf',
    '-e',
    `trace=${calls}`,
    ...expressions,
  ];
  for (let tries = 0; tries < 5; tries++) {
    const running = await start(t, home, under);
    if (running) return running;
  }
  throw new Error('the ledger ended five times before it was ready');
}

async function outcome(client: LedgerClient, name: string, strength: Strength): Promise<string> {
  return client.append([entry(name)], strength).then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );
}

async function names(t: TestContext, home: string): Promise<unknown[]> {
  const running = await started(t, home);
  const entries = await readAll(await connect(t, running));
  assert.equal(await finish(running), 0);
  const result = await verifyLedger(running.dir);
  assert.ok(result.ok, JSON.stringify(result));
  return entries.map(({ name, event }) => name ?? event);
}

for (const error of ['ENOSPC', 'EIO', 'EDQUOT'])
  test(`${error} at a write refuses that append and no other, and nothing of it is left`, async (t) => {
    const home = folder(t);
    const running = await faulty(t, home, `pwrite64:error=${error}:when=2..3`);
    const client = await connect(t, running);
    assert.equal(await outcome(client, 'a', 'acknowledged'), 'done');
    assert.equal(await outcome(client, 'b', 'acknowledged'), 'record-failed');
    const { full } = (await client.client.call('health')) as { full: boolean };
    assert.equal(full, error !== 'EIO');
    assert.equal(await outcome(client, 'c', 'accepted'), 'record-failed');
    assert.equal(await outcome(client, 'd', 'acknowledged'), 'done');
    assert.equal(((await client.client.call('health')) as { full: boolean }).full, false);
    await kill(running);
    assert.deepEqual(await names(t, home), ['a', 'd', 'gap']);
  });

test('a write that failed and cannot be taken back ends the process, and the next one repairs the log', async (t) => {
  const home = folder(t);
  const running = await faulty(t, home, 'pwrite64:error=EIO:when=2', 'ftruncate:error=EIO:when=1+');
  const client = await connect(t, running);
  assert.equal(await outcome(client, 'a', 'acknowledged'), 'done');
  assert.equal(await outcome(client, 'b', 'accepted'), 'record-failed');
  assert.equal((await running.exited)[0], 1);
  assert.deepEqual(await names(t, home), ['a', 'gap']);
});

test('after a failed fdatasync nothing is acknowledged any more, and the process ends to be started again', async (t) => {
  const home = folder(t);
  const running = await faulty(t, home, 'fdatasync:error=EIO:when=3');
  const client = await connect(t, running);
  const told: string[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'])
    if ((await outcome(client, name, 'acknowledged')) === 'done') told.push(name);
  assert.equal((await running.exited)[0], 1);
  assert.ok(told.length >= 2 && told.length < 12, `${told}`);
  assert.deepEqual((await names(t, home)).slice(0, told.length), told);
});

for (const inject of [
  'rename:error=EIO:when=4',
  'fsync:error=EIO:when=14',
  'fsync:error=ENOSPC:when=9..12',
  'mkdir:error=ENOSPC:when=5..6',
])
  test(`a head that cannot be written (${inject}) is tried again, and recording goes on`, async (t) => {
    const home = folder(t);
    const running = await faulty(t, home, inject);
    const client = await connect(t, running);
    for (let i = 0; i < 300; i++) assert.equal(await outcome(client, `${i}`, 'accepted'), 'done');
    let signed = 0;
    // strace counts calls by thread and four threads write files, so one window of failures may cost many heads, a second each.
    for (const until = performance.now() + 60_000; performance.now() < until && signed < 300; ) {
      await sleep(200);
      assert.equal(await outcome(client, 'more', 'acknowledged'), 'done');
      signed = ((await client.client.call('health')) as { signed: number }).signed;
    }
    assert.ok(signed >= 300, `${signed} signed`);
    const result = await verifyLedger(running.dir);
    assert.ok(result.ok || result.problems.every(({ code }) => code === 'missing'), JSON.stringify(result));
    await kill(running);
    assert.deepEqual((await names(t, home)).slice(0, 3), ['0', '1', '2']);
  });

test('while the disk takes 200 ms to sync, nothing is accepted beyond 20 ms', async (t) => {
  const home = folder(t);
  const running = await faulty(t, home, 'fdatasync:delay_enter=200000');
  const client = await connect(t, running);
  const other = await connect(t, running);
  let soonest = Number.POSITIVE_INFINITY;
  // On a busy machine what is sent 2 ms after may come 20 ms after: then it says nothing.
  for (let tries = 0; tries < 10 && soonest >= 100; tries++) {
    const begin = performance.now();
    const since = (): number => performance.now() - begin;
    const disk = client.append([entry('a')], 'acknowledged').then(since);
    await sleep(2);
    soonest = await other.append([entry('b')], 'accepted').then(since);
    await sleep(60); // since one of them was written, if it has not waited for the disk
    const late = other.append([entry('c')], 'accepted').then(since);
    assert.ok((await disk) >= 190, 'the disk is slow');
    assert.ok((await late) >= 190, 'after 20 ms it waits for the disk');
  }
  assert.ok(soonest < 100, 'within the first 20 ms write(2) suffices');
});

test(
  'on a full disk appends are refused; what was acknowledged stays, and with room again recording goes on',
  asRoot,
  async (t) => {
    const home = folder(t);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k,mode=0700', 'bulkhead-ledger-test', home]);
    const unmount = (): void => void execFileSync('umount', ['-l', home]);
    try {
      const filler = join(home, 'filler');
      writeFileSync(filler, Buffer.alloc(200_000));
      const running = await started(t, home);
      const client = await connect(t, running);
      const told: string[] = [];
      let code = '';
      for (let i = 0; code === ''; i++) {
        const name = `${i}`.padEnd(1500 + (i % 7) * 100, '.');
        const got = await outcome(client, name, 'acknowledged');
        if (got === 'done') told.push(name);
        else code = got;
      }
      assert.equal(code, 'record-failed');
      const { full } = (await client.client.call('health')) as { full: boolean };
      assert.ok(full);
      const before = statSync(join(running.dir, 'log', '0000000000000000')).size;
      assert.equal(await outcome(client, 'x'.repeat(50_000), 'accepted'), 'record-failed');
      assert.equal(
        statSync(join(running.dir, 'log', '0000000000000000')).size,
        before,
        'nothing of a refused append is left',
      );
      rmSync(filler);
      assert.equal(await outcome(client, 'room', 'acknowledged'), 'done');
      const entries = await readAll(client);
      assert.deepEqual(
        entries.map(({ name }) => name),
        [...told, 'room'],
      );
      await kill(running);
    } finally {
      unmount();
    }
  },
);

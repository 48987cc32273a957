import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCgroup, usage } from '../../src/host/cgroup/cgroup.ts';
import { limitEnforcement, limitsInForce } from '../../src/host/cgroup/cgroup-limits.ts';
import { controllerFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { Failure } from '../../src/model/failure.ts';
import { cgroupFor, NOT_ROOT, output, PLENTY, ROOTS, start } from './compartment.ts';

const MIB = 2 ** 20;

test('a fork bomb stops at the limit, its neighbour does not notice', { skip: NOT_ROOT }, async (t) => {
  const bomb = `my ($made, $refused) = (0, 0);
    for (1 .. 100) { my $pid = fork; if (!defined $pid) { $refused++ } elsif (!$pid) { sleep 20; exit } else { $made++ } }
    print "$made $refused"; kill 9, -$$ if 0;`;
  const small = cgroupFor(t, 'bomb', { ...PLENTY, processes: 16 });
  const large = cgroupFor(t, 'neighbour', PLENTY);
  const [bombed, free] = [start(small, bomb), start(large, bomb)];
  const [held, not] = await Promise.all([firstText(bombed), firstText(free)]);
  assert.equal(held, '15 85');
  assert.equal(not, '100 0');
  assert.equal(usage(ROOTS, small).forksRefused, 85);
  assert.equal(usage(ROOTS, large).forksRefused, 0);
});

test('a memory bomb is killed, with enough memory it is not', { skip: NOT_ROOT }, async (t) => {
  const eat = 'my $all = "x" x (100 << 20); print length $all;';
  const small = cgroupFor(t, 'eater', { ...PLENTY, memory: 32 * MIB });
  const large = cgroupFor(t, 'fed', PLENTY);
  assert.deepEqual(await output(start(small, eat)), { text: '', code: null, signal: 'SIGKILL' });
  assert.deepEqual(await output(start(large, eat)), { text: `${100 * MIB}`, code: 0, signal: null });
  assert.ok((usage(ROOTS, small).killedForMemory ?? 0) >= 1);
  assert.equal(usage(ROOTS, large).killedForMemory, 0);
});

test('a busy loop gets its share of a processor and no more', { skip: NOT_ROOT }, async (t) => {
  const spin = `use Time::HiRes "time"; my ($u0, $s0) = times; my $end = time + 1; 1 while time < $end;
    my ($u, $s) = times; print $u + $s - $u0 - $s0;`;
  const tenth = cgroupFor(t, 'tenth', { ...PLENTY, cpu: 10 });
  const seconds = Number((await output(start(tenth, spin))).text);
  t.diagnostic(`10 % of a processor: ${seconds} s of processor time in one second`);
  assert.ok(seconds < 0.2, `${seconds}`);
});

test('limits are read back from the kernel, lowered and raised again', { skip: NOT_ROOT }, (t) => {
  const path = cgroupFor(t, 'changing', PLENTY);
  for (const limits of [
    PLENTY,
    { memory: 64 * MIB, processes: 5, cpu: 1 },
    { memory: 900 * MIB, processes: 900, cpu: 333 },
  ]) {
    makeCgroup(ROOTS, path, limits);
    assert.deepEqual(limitsInForce(ROOTS, path), limits);
    assert.deepEqual(limitEnforcement(ROOTS, path, limits), { level: 'full' });
  }
});

test('a limit that somebody took away is seen', { skip: NOT_ROOT }, (t) => {
  const path = cgroupFor(t, 'loosened', PLENTY);
  const pids = controllerFolder(ROOTS, path, 'pids');
  assert.ok(pids);
  writeFileSync(join(pids.folder, 'pids.max'), 'max');
  assert.deepEqual(limitsInForce(ROOTS, path), { ...PLENTY, processes: 0 });
  assert.deepEqual(limitEnforcement(ROOTS, path, PLENTY), { level: 'partial', missing: ['processes'] });
});

test('what the machine cannot limit is missing by name', { skip: NOT_ROOT }, (t) => {
  const path = cgroupFor(t, 'partial', PLENTY);
  const without = { ...ROOTS, controllers: [], v1: { pids: ROOTS.v1.pids ?? ROOTS.unified ?? '' } };
  assert.deepEqual(limitEnforcement(without, path, PLENTY), { level: 'partial', missing: ['memory', 'cpu'] });
  const bare = { ...ROOTS, controllers: [], v1: {} };
  assert.equal(limitEnforcement(bare, path, PLENTY).level, 'none');
});

test('no cgroup: nothing in force, enforcement none; no unified hierarchy: said with the remedy', () => {
  assert.equal(limitsInForce(ROOTS, 'bhtest-absent/x'), undefined);
  assert.equal(limitEnforcement(ROOTS, 'bhtest-absent/x', PLENTY).level, 'none');
  assert.throws(
    () => makeCgroup({ controllers: [], v1: ROOTS.v1 }, 'bhtest-absent/x', PLENTY),
    (error) => error instanceof Failure && error.code === 'no-cgroup2' && error.exit === 3,
  );
});

function firstText(child: ReturnType<typeof start>): Promise<string> {
  return new Promise((done) => child.stdout?.once('data', (chunk) => done(String(chunk))));
}

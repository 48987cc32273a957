import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCgroup, processesOf, procsFiles, usage } from '../../src/host/cgroup/cgroup.ts';
import { freeze, frozen, killAll, populated, removeCgroup, thaw } from '../../src/host/cgroup/cgroup-life.ts';
import { cgroupFolders } from '../../src/host/cgroup/cgroup-roots.ts';
import { cgroupFor, eventually, NOT_ROOT, output, PLENTY, ROOTS, start } from './compartment.ts';

/** Sessions, double forks and signals ignored: whatever a process does to be forgotten. */
const SCATTER = `use POSIX ();
  for my $i (1 .. 50) {
    next if fork;
    POSIX::setsid(); exit if fork;
    $SIG{$_} = 'IGNORE' for qw(TERM HUP INT);
    $0 = "scattered $i"; $i > 48 ? do { 1 while 1 } : sleep 60;
    exit;
  }
  1 while wait > 0; sleep 60;`;

test('frozen means that nothing moves, and thawed that it goes on', { skip: NOT_ROOT }, async (t) => {
  const path = cgroupFor(t, 'freezing');
  start(path, SCATTER);
  await eventually(() => processesOf(ROOTS, path).length === 51, '51 processes');
  let took = Number.POSITIVE_INFINITY;
  // A machine that stands still for a moment says nothing about it.
  for (let tries = 0; tries < 5 && took >= 500; tries++) {
    if (tries > 0) await thaw(ROOTS, path);
    const begun = performance.now();
    await freeze(ROOTS, path);
    took = performance.now() - begun;
    t.diagnostic(`51 processes, two of them busy, frozen after ${took.toFixed(1)} ms`);
    assert.equal(frozen(ROOTS, path), true);
  }
  assert.ok(took < 500, `${took}`);
  let before = usage(ROOTS, path).cpu;
  await sleep(200);
  // One of them that the machine held up on its last step into the freezer may end that step now.
  for (let tries = 0; tries < 5 && usage(ROOTS, path).cpu !== before; tries++) {
    before = usage(ROOTS, path).cpu;
    await sleep(200);
  }
  assert.equal(usage(ROOTS, path).cpu, before, 'no processor time while frozen');
  await thaw(ROOTS, path);
  assert.equal(frozen(ROOTS, path), false);
  await eventually(() => (usage(ROOTS, path).cpu ?? 0) > (before ?? 0), 'they compute again');
});

test('what starts in a frozen cgroup is frozen before it does anything', { skip: NOT_ROOT }, async (t) => {
  const path = cgroupFor(t, 'joined-late');
  await freeze(ROOTS, path);
  const child = start(path, 'print "ran";');
  const late = output(child);
  await eventually(() => processesOf(ROOTS, path).length === 1, 'it joined');
  assert.equal(await Promise.race([late.then(() => 'ended'), sleep(200, 'waits')]), 'waits');
  await thaw(ROOTS, path);
  assert.equal((await late).text, 'ran');
});

for (const state of ['running', 'frozen'] as const) {
  test(`every process ends, ${state}, in sessions of their own, deaf to signals`, { skip: NOT_ROOT }, async (t) => {
    const path = cgroupFor(t, `ending-${state}`);
    start(path, SCATTER);
    await eventually(() => processesOf(ROOTS, path).length === 51, '51 processes');
    const pids = processesOf(ROOTS, path);
    if (state === 'frozen') await freeze(ROOTS, path);
    const begun = performance.now();
    await killAll(ROOTS, path);
    t.diagnostic(`51 processes, ${state}, ended after ${(performance.now() - begun).toFixed(1)} ms`);
    assert.deepEqual(processesOf(ROOTS, path), []);
    assert.equal(populated(ROOTS, path), false);
    assert.deepEqual(pids.filter(isScattered), []);
  });
}

test('a process that forks faster than one can count ends too', { skip: NOT_ROOT }, async (t) => {
  const path = cgroupFor(t, 'forking', { ...PLENTY, processes: 60 });
  start(path, '$SIG{CHLD} = "IGNORE"; while (1) { my $p = fork; select undef, undef, undef, 0.001 unless defined $p }');
  await eventually(() => (usage(ROOTS, path).forksRefused ?? 0) > 0, 'the cgroup is full');
  await killAll(ROOTS, path);
  assert.deepEqual(processesOf(ROOTS, path), []);
});

const V1 = Object.keys(ROOTS.v1).length > 0 ? NOT_ROOT : 'this machine has no v1 hierarchy';
test('a process that is only in a v1 hierarchy is found and ended', { skip: V1 }, async (t) => {
  const path = cgroupFor(t, 'straggler');
  const [, ...old] = procsFiles(ROOTS, path);
  const child = start(path, 'sleep 60', old);
  const ended = output(child);
  await eventually(() => processesOf(ROOTS, path).length === 1, 'it joined');
  assert.equal(readFileSync(procsFiles(ROOTS, path)[0] ?? '', 'utf8'), '');
  await killAll(ROOTS, path);
  assert.equal((await ended).signal, 'SIGKILL');
});

test('removal leaves nothing in any hierarchy, nor its parents; a neighbour keeps them', {
  skip: NOT_ROOT,
}, async (t) => {
  const parent = `bhtest-cgroup-gone-${process.pid}`;
  const [path, neighbour] = [`${parent}/fleet/tasks`, `${parent}/other`];
  t.after(() => Promise.all([path, neighbour].map((one) => removeCgroup(ROOTS, one))));
  makeCgroup(ROOTS, path, PLENTY);
  makeCgroup(ROOTS, neighbour, PLENTY);
  const folders = [path, `${parent}/fleet`].flatMap((one) => cgroupFolders(ROOTS, one));
  for (const folder of cgroupFolders(ROOTS, path)) mkdirSync(join(folder, 'below'));
  start(path, SCATTER);
  await eventually(() => processesOf(ROOTS, path).length === 51, '51 processes');
  await removeCgroup(ROOTS, path);
  assert.deepEqual(
    folders.filter((folder) => existsSync(folder)),
    [],
  );
  assert.ok(cgroupFolders(ROOTS, neighbour).every((folder) => existsSync(folder)));
  await removeCgroup(ROOTS, path);
  await removeCgroup(ROOTS, neighbour);
  assert.deepEqual(
    cgroupFolders(ROOTS, parent).filter((folder) => existsSync(folder)),
    [],
  );
});

function isScattered(pid: number): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('scattered') &&
      !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    );
  } catch {
    return false;
  }
}

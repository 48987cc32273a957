import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeCgroup } from '../../src/host/cgroup/cgroup-life.ts';
import { observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import { endProcess } from '../../src/host/processes/processes.ts';
import { wardenProcesses } from '../../src/host/processes/warden-processes.ts';
import { ONE, TWO } from './fleets.ts';
import { keep, kept } from './kept.ts';
import { loopDevices, mountPoints, netnsNames } from './machine.ts';
import { EMPTY_PLAN, NOT_ROOT, type Stand, withFleet } from './stand.ts';

// What another fleet that comes up or goes meanwhile would disturb: a mount namespace that is just being made holds every disk of the machine, and
// the next number that is free may be taken.

const skip = { skip: NOT_ROOT };

test(
  'a reboot: disks unmounted, namespaces, cgroups and programs gone; up brings it all back with its data',
  skip,
  async () => {
    await withFleet(TWO, async (stand) => {
      await keep(stand, 'one', 'mine');
      await crash(stand);
      const plan = await stand.bulkhead(['plan']);
      assert.match(plan.stdout, /it is not mounted/);
      stand.write(ONE);
      const refused = await stand.bulkhead(['up', '--json']);
      assert.equal(refused.json.error?.code, 'would-lose-data', "an unmounted disk is still somebody's");
      stand.write(TWO);
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      assert.equal(await kept(stand, 'one'), 'mine\nmine\n');
      assert.deepEqual((await stand.bulkhead(['plan', '--json'])).json, EMPTY_PLAN);
    });
  },
);

/** What a loss of power leaves: files. */
async function crash(stand: Stand): Promise<void> {
  const { keepers, wardens } = wardenProcesses(stand.state);
  for (const pid of [...keepers, ...wardens]) endProcess(pid);
  for (const agent of ['one', 'two']) await removeCgroup(observeCgroups(), `bulkhead/${stand.fleet}/${agent}`);
  for (const name of netnsNames().filter((name) => name.startsWith(`bh-${stand.fleet}-`)))
    execFileSync('ip', ['netns', 'delete', name]);
  for (const at of mountPoints().filter((at) => at.startsWith(`${stand.state}/`))) await unmounted(at);
  const looped = (): string[] => loopDevices().flatMap(({ file }) => (file.startsWith(stand.state) ? [file] : []));
  for (const late = Date.now() + 60_000; looped().length > 0; await sleep(50))
    assert.ok(Date.now() < late, `${looped().join(', ')}: mounted still, in ${holders(stand.state).join(', ')}`);
}

/** Who was killed may still be closing what it had open there. */
async function unmounted(at: string): Promise<void> {
  for (const late = Date.now() + 60_000; ; await sleep(50)) {
    const { status, stderr } = spawnSync('umount', [at], { encoding: 'utf8' });
    if (status === 0) return;
    assert.ok(stderr.includes('busy') && Date.now() < late, stderr);
  }
}

/** Who has a copy of the mounts below this folder: a process in a mount namespace that was made meanwhile holds them. */
function holders(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(` ${folder}/`);
    } catch {
      return false; // it ended meanwhile
    }
  });
}

// Whoever makes a mount namespace meanwhile has every disk of the machine mounted in it for a moment.
test('a disk grows in place, keeps what is on it, and never shrinks', skip, async () => {
  await withFleet(ONE, async (stand) => {
    await keep(stand, 'one', 'treasure');
    const blocks = async (): Promise<number> =>
      Number((await stand.run('one', ['stat', '-f', '-c', '%b', '/workspace'])).stdout);
    const before = await blocks();
    stand.write(ONE.replace('disk: 64M', 'disk: 128M'));
    // Root without CAP_SYS_RESOURCE can grow a disk only while nobody uses it.
    const capable =
      (BigInt(`0x${/^CapEff:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`) >> 24n) & 1n;
    if (capable === 0n) {
      const busy = await stand.bulkhead(['up', '--json']);
      assert.deepEqual([busy.status, busy.json.error.code], [2, 'disk-busy']);
      assert.equal(await kept(stand, 'one'), 'treasure\ntreasure\n');
      assert.equal((await stand.bulkhead(['down'])).status, 0);
    }
    // A mount namespace that another test has just made holds the disk for as long as it lasts (unshare(2)).
    let grown = await stand.bulkhead(['up', '--json']);
    for (
      const late = Date.now() + 60_000;
      grown.json?.error?.code === 'disk-busy' && Date.now() < late;
      await sleep(500)
    )
      grown = await stand.bulkhead(['up', '--json']);
    assert.equal(grown.status, 0, grown.stderr + grown.stdout);
    const { steps } = grown.json as { steps: string[] };
    assert.ok(
      steps.some((step) => /^~ disk of 128M .*: it has 64M$/.test(step)),
      steps.join('\n'),
    );
    assert.ok((await blocks()) > before * 1.7);
    assert.equal(await kept(stand, 'one'), 'treasure\ntreasure\n');
    stand.write(ONE);
    const refused = await stand.bulkhead(['up', '--json']);
    assert.deepEqual([refused.status, refused.json.error.code], [2, 'disk-shrinks']);
    assert.equal(await kept(stand, 'one'), 'treasure\ntreasure\n');
  });
});

test("a uid of the range that is somebody's is passed over", skip, async () => {
  await withFleet(
    ONE,
    async (stand) => {
      const name = `x-${stand.fleet}`;
      const plan = async (): Promise<string> => (await stand.bulkhead(['plan'])).stdout;
      const uid = /user bh-\S+ \((\d+)\)/.exec(await plan())?.[1] ?? '';
      execFileSync('useradd', ['--system', '--no-create-home', '--no-user-group', '--uid', uid, name]);
      try {
        assert.notEqual(/user bh-\S+ \((\d+)\)/.exec(await plan())?.[1], uid);
      } finally {
        execFileSync('userdel', [name]);
      }
    },
    { up: false },
  );
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeCgroup } from '../../src/host/cgroup-life.ts';
import { observeCgroups } from '../../src/host/cgroup-roots.ts';
import { removeTree } from '../../src/host/mounts.ts';
import { wardenProcesses } from '../../src/host/warden-processes.ts';
import { ONE, TWO } from './fleets.ts';
import { loopDevices, mountPoints, netnsNames, userNames } from './machine.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const skip = { skip: NOT_ROOT };

async function mustUp(stand: Stand, ...more: string[]): Promise<string[]> {
  const up = await stand.bulkhead(['up', '--json', ...more]);
  assert.equal(up.status, 0, up.stdout + up.stderr);
  return up.json.steps;
}

async function keep(stand: Stand, agent: string, text: string): Promise<void> {
  const kept = await stand.run(agent, ['sh', '-c', `echo ${text} | tee /workspace/kept > /home/agent/kept`]);
  assert.equal(kept.status, 0, kept.stderr);
}

async function kept(stand: Stand, agent: string): Promise<string> {
  const { stdout, stderr } = await stand.run(agent, ['sh', '-c', 'cat /workspace/kept /home/agent/kept']);
  return stdout + stderr;
}

test(
  'an agent is let go with its disk only when asked for; its name keeps its uid, a new name gets a new one',
  skip,
  async () => {
    await withFleet(TWO, async (stand) => {
      await keep(stand, 'two', 'treasure');
      const uidOf = async (agent: string): Promise<string> => (await stand.run(agent, ['id', '-u'])).stdout.trim();
      const [one, two] = [await uidOf('one'), await uidOf('two')];
      stand.write(ONE);
      const refused = await stand.bulkhead(['up', '--json']);
      assert.deepEqual([refused.status, refused.json.error.code], [2, 'would-lose-data']);
      assert.equal(await kept(stand, 'two'), 'treasure\ntreasure\n', 'a refusal changes nothing');
      await mustUp(stand, '--let-go');
      assert.deepEqual(
        userNames().filter((name) => name.startsWith(`bh-${stand.fleet}-`)),
        [`bh-${stand.fleet}-one`],
      );
      assert.equal(existsSync(join(stand.state, 'agents/two')), false);
      assert.equal(existsSync(join(stand.state, 'logs/agents/two.log')), false);
      stand.write(`${TWO}  three: {}\n`);
      await mustUp(stand);
      assert.equal(await uidOf('two'), two);
      assert.match(await kept(stand, 'two'), /No such file/);
      assert.ok(![one, two].includes(await uidOf('three')));
    });
  },
);

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
      await mustUp(stand);
      assert.equal(await kept(stand, 'one'), 'mine\nmine\n');
      assert.deepEqual((await stand.bulkhead(['plan', '--json'])).json, { machine: [], steps: [] });
    });
  },
);

/** What a loss of power leaves: files. */
async function crash(stand: Stand): Promise<void> {
  const { keepers, wardens } = wardenProcesses(stand.state);
  for (const pid of [...keepers, ...wardens]) process.kill(pid, 'SIGKILL');
  for (const agent of ['one', 'two']) await removeCgroup(observeCgroups(), `bulkhead/${stand.fleet}/${agent}`);
  for (const name of netnsNames().filter((name) => name.startsWith(`bh-${stand.fleet}-`)))
    execFileSync('ip', ['netns', 'delete', name]);
  for (const at of mountPoints().filter((at) => at.startsWith(`${stand.state}/`))) execFileSync('umount', [at]);
  const looped = (): string[] => loopDevices().flatMap(({ file }) => (file.startsWith(stand.state) ? [file] : []));
  for (const late = Date.now() + 60_000; looped().length > 0; await sleep(50))
    assert.ok(Date.now() < late, `${looped().join(', ')}: mounted still, in ${holders(stand.state).join(', ')}`);
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

test(
  'up from a newer tree replaces the copy, restarts the warden from it, and takes the old copy away',
  skip,
  async () => {
    await withFleet(ONE, async (stand) => {
      await keep(stand, 'one', 'treasure');
      const [old] = wardenProcesses(stand.state).wardens;
      const tree = fileURLToPath(new URL('../..', import.meta.url));
      const newer = mkdtempSync('/var/lib/bh-e2e-tree-');
      try {
        for (const part of ['bulkhead', 'package.json', 'src', 'schema'])
          cpSync(join(tree, part), join(newer, part), { recursive: true });
        symlinkSync(join(tree, 'node_modules'), join(newer, 'node_modules'));
        const described = JSON.parse(readFileSync(join(newer, 'package.json'), 'utf8'));
        writeFileSync(join(newer, 'package.json'), JSON.stringify({ ...described, version: '99.0.0' }));
        const up = await stand.bulkhead(['up', '--json'], { program: [join(newer, 'bulkhead')] });
        assert.equal(up.status, 0, up.stdout + up.stderr);
        assert.deepEqual(readdirSync(join(stand.state, 'lib')), ['99.0.0']);
        const { wardens, keepers } = wardenProcesses(stand.state);
        assert.equal(wardens.length, 1);
        assert.equal(keepers.length, 1);
        assert.notEqual(wardens[0], old);
        assert.match(readFileSync(`/proc/${wardens[0]}/cmdline`, 'utf8'), /lib\/99\.0\.0\//);
        assert.equal(await kept(stand, 'one'), 'treasure\ntreasure\n');
        const plan = await stand.bulkhead(['plan', '--json'], { program: [join(newer, 'bulkhead')] });
        assert.deepEqual(plan.json, { machine: [], steps: [] });
      } finally {
        removeTree(newer);
      }
    });
  },
);

test('two fleets in two states with an agent of the same name do not know of each other', skip, async () => {
  await withFleet(ONE, async (one) => {
    await withFleet(ONE, async (other) => {
      await keep(one, 'one', 'first');
      await keep(other, 'one', 'second');
      assert.equal(await kept(one, 'one'), 'first\nfirst\n');
      assert.equal((await other.bulkhead(['down', '--purge'])).status, 0);
      assert.equal(await kept(one, 'one'), 'first\nfirst\n');
      assert.equal((await one.bulkhead(['plan', '--json'])).json.steps.length, 0);
    });
  });
});

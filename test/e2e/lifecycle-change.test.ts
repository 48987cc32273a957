import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type WardenProcesses, wardenProcesses } from '../../src/host/processes/warden-processes.ts';
import { ONE, TWO } from './fleets.ts';
import { keep, kept } from './kept.ts';
import { userNames } from './machine.ts';
import { EMPTY_PLAN, NOT_ROOT, type Stand, withFleet } from './stand.ts';

const skip = { skip: NOT_ROOT };

/** What is about to become another program (fork(2)) has our arguments for a moment: what stays is looked for. */
async function soleProcesses(state: string): Promise<WardenProcesses> {
  let found = wardenProcesses(state);
  for (let n = 0; n < 100 && (found.wardens.length > 1 || found.keepers.length > 1); n++) {
    await sleep(50);
    found = wardenProcesses(state);
  }
  return found;
}

async function mustUp(stand: Stand, ...more: string[]): Promise<string[]> {
  const up = await stand.bulkhead(['up', '--json', ...more]);
  assert.equal(up.status, 0, up.stdout + up.stderr);
  return up.json.steps;
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
        const { wardens, keepers } = await soleProcesses(stand.state);
        assert.deepEqual([wardens.length, keepers.length], [1, 1]);
        assert.notEqual(wardens[0], old);
        assert.match(readFileSync(`/proc/${wardens[0]}/cmdline`, 'utf8'), /lib\/99\.0\.0\//);
        assert.equal(await kept(stand, 'one'), 'treasure\ntreasure\n');
        const plan = await stand.bulkhead(['plan', '--json'], { program: [join(newer, 'bulkhead')] });
        assert.deepEqual(plan.json, EMPTY_PLAN);
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

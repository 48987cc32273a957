import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TWO } from './fleets.ts';
import { withMachine } from './machine-lock.ts';
import { changesSince, machineSnapshot } from './snapshot.ts';
import { EMPTY_PLAN, NOT_ROOT, withFleet } from './stand.ts';

const skip = { skip: NOT_ROOT };

test('after up the plan is empty, and a second up does nothing', skip, async () => {
  await withFleet(TWO, async (stand) => {
    const plan = await stand.bulkhead(['plan', '--json']);
    assert.deepEqual(plan.json, EMPTY_PLAN);
    const again = await stand.bulkhead(['up', '--json']);
    assert.deepEqual([again.status, again.json.steps], [0, []]);
    const id = await stand.run('two', ['id', '-u']);
    assert.match(id.stdout, /^\d+\n$/);
  });
});

test('down --purge leaves nothing of the fleet, and uninstall nothing at all', skip, async () => {
  await withMachine(async () => {
    let before: Set<string> | undefined;
    await withFleet(
      TWO,
      async (stand) => {
        before = machineSnapshot(stand.state);
        assert.equal((await stand.bulkhead(['up'])).status, 0);
        const standing = await changesSince(before, stand);
        for (const kind of ['passwd', 'group', 'mount', 'netns', 'cgroup', '/dev/loop', 'process'])
          assert.ok(
            standing.some((line) => line.startsWith(`+ ${kind}`)),
            `the snapshot should see a ${kind}`,
          );
        const purged = await stand.bulkhead(['down', '--purge']);
        assert.equal(purged.status, 0, purged.stderr);
        const rest = await changesSince(before, stand);
        assert.deepEqual(
          rest.filter((line) => !/bulkhead-(gateway|ledger)-|file \/var\/lib\/bh-e2e/.test(line)),
          [],
          'only the programs and their users stay',
        );
        const gone = await stand.bulkhead(['uninstall']);
        assert.equal(gone.status, 0, gone.stderr);
        assert.deepEqual(await changesSince(before, stand), []);
        assert.equal(existsSync(stand.state), false);
      },
      { up: false },
    );
  });
});

test('a workspace of the operator is as it was after down: names held in it are taken away', skip, async () => {
  await withFleet(
    '',
    async (stand) => {
      const site = join(stand.folder, 'site');
      mkdirSync(join(site, '.git/hooks'), { recursive: true });
      stand.write(`agents:\n  one: { workspace: ${site}, shared: true, limits: { disk: 64M, memory: 128M } }\n`);
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      assert.ok(existsSync(join(site, '.envrc')), 'a name is held');
      assert.deepEqual((await stand.bulkhead(['plan', '--json'])).json, EMPTY_PLAN);
      assert.equal((await stand.bulkhead(['down'])).status, 0);
      assert.equal(existsSync(join(site, '.envrc')), false);
      assert.ok(existsSync(join(site, '.git/hooks')));
    },
    { up: false },
  );
});

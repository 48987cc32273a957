import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOT_ROOT, withFleet } from './stand.ts';

const TWO = `
defaults:
  limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
agents:
  one:
    command: [sh, -c, "while :; do sleep 1; done"]
  two: {}
`;

test('after up the plan is empty, and a second up does nothing', { skip: NOT_ROOT }, async () => {
  await withFleet(TWO, async (stand) => {
    const plan = await stand.bulkhead(['plan', '--json']);
    assert.deepEqual(plan.json, { machine: [], steps: [] });
    const again = await stand.bulkhead(['up', '--json']);
    assert.deepEqual([again.status, again.json.steps], [0, []]);
    const id = await stand.run('two', ['id', '-u']);
    assert.match(id.stdout, /^\d+\n$/);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FloodCounts } from '../../src/programs/gate/flood-counts.ts';

test('of a flood of refusals the first is recorded and the rest counted, so that none is missing', () => {
  const lines: Record<string, unknown>[] = [];
  const floods = new FloodCounts((entry) => lines.push({ ...entry }));
  assert.equal(floods.relayed('one', '/usr/bin/factor'), false, 'no flood yet');
  assert.equal(floods.refused('one', '/usr/bin/factor', 0), false, 'the first is recorded by itself');
  for (let n = 1; n <= 1000; n++) {
    assert.equal(floods.relayed('one', '/usr/bin/factor'), true);
    assert.equal(floods.refused('one', '/usr/bin/factor', n), true);
  }
  assert.equal(floods.relayed('one', '/usr/bin/shred'), false, 'another program');
  assert.equal(floods.refused('two', '/usr/bin/factor', 1000), false, 'another agent');
  floods.look(4999);
  assert.deepEqual(lines, []);
  floods.look(5000);
  const line = { event: 'exec.flood', agent: 'one', path: '/usr/bin/factor', relayed: 1000, denied: 1000, ms: 5000 };
  assert.deepEqual(lines, [line]);
  assert.equal(floods.refused('one', '/usr/bin/factor', 5001), false, 'then it is told anew');
  floods.look(20_000);
  assert.deepEqual(lines, [line], 'nothing was counted, so nothing is said');
});

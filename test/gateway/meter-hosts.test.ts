import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { agentName } from '../../src/model/names.ts';
import { Meter } from '../../src/programs/gateway/usage/meter.ts';

test('an agent that has seen tokens from more names than are kept passes no cap by another name', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bulkhead-meter-'));
  try {
    const meter = new Meter(dir, agentName('coder'));
    assert.equal(meter.isCostly('fresh.models.test'), false);
    for (let i = 0; i < 64; i++) meter.costs(`m${i}.models.test`);
    for (const host of ['m0.models.test', 'm63.models.test', 'fresh.models.test'])
      assert.equal(meter.isCostly(host), true, host);
  } finally {
    removeTree(dir);
  }
});

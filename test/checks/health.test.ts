import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeHealth } from '../../src/checks/health.ts';

const AT = '2026-01-01T00:00:00.000Z';

test('a service is well when it answers 200 to 399, and otherwise it is said what came instead', () => {
  for (const answer of ['200', '204', '301', '399'])
    assert.deepEqual(judgeHealth(answer, AT), { ok: true, probedAt: AT });
  for (const answer of ['404', '500', '100'])
    assert.deepEqual(judgeHealth(answer, AT), { ok: false, why: `it answers ${answer}`, probedAt: AT });
  assert.deepEqual(judgeHealth('nothing listens', AT), { ok: false, why: 'nothing listens', probedAt: AT });
  assert.deepEqual(judgeHealth(undefined, AT), { ok: false, why: 'it could not be asked', probedAt: AT });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ElevatedRefusals } from '../../src/programs/warden/elevated/elevated-refusals.ts';

test('a flood of commands that are not run outside is a few lines on record and one finding', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: Record<string, unknown>[] = [];
  const findings: string[] = [];
  const refusals = new ElevatedRefusals({ tell: (entry) => told.push({ ...entry }) }, (_, text) => findings.push(text));
  const flood = (): void => {
    for (let n = 0; n < 5000; n++) refusals.refused('one', { argv: ['id', String(n)], why: 'no rule', via: 'api' });
  };
  flood();
  refusals.refused('two', { argv: ['id'], why: 'no rule', via: 'api' });
  const of = (agent: string, event: string): number =>
    told.filter((one) => one.agent === agent && one.event === event).length;
  assert.deepEqual([of('one', 'elevated.refused'), of('one', 'elevated.flood'), findings.length], [20, 1, 1]);
  assert.equal(of('two', 'elevated.refused'), 1, 'others are recorded as ever');
  t.mock.timers.tick(60_000);
  assert.deepEqual(told.at(-1), { event: 'elevated.flood', agent: 'one', count: 5000 });
  flood();
  assert.deepEqual([of('one', 'elevated.refused'), findings.length], [40, 2], 'the next minute is told anew');
});

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Budget } from '../../src/model/budget.ts';
import { agentName } from '../../src/model/names.ts';
import { Prices } from '../../src/policy/meter/prices.ts';
import { Meter } from '../../src/programs/gateway/usage/meter.ts';

// What one agent's counter says by itself; test/gateway/budget.test.ts has it at the gateway.

function metered(budget: Budget, use: (meter: Meter) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'bulkhead-meter-'));
  try {
    const meter = new Meter(dir, agentName('coder'));
    meter.rule(budget, 0, new Prices());
    use(meter);
  } finally {
    removeTree(dir);
  }
}

test('what only reads may be repeated ten times as often, each request by itself; a loop is new once', () => {
  metered({ repeats: { times: 2, ms: 3_600_000 } }, (meter) => {
    const until = (same: string, method: string): (boolean | undefined)[] =>
      Array.from({ length: 22 }, () => meter.repeated(same, method)?.first);
    const good = (times: number): undefined[] => Array(times).fill(undefined);
    assert.deepEqual(until('a', 'POST'), [...good(2), true, ...Array(19).fill(false)]);
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      assert.deepEqual(until(`b ${method}`, method), [...good(20), true, false], method);
    assert.match(meter.repeated('a', 'POST')?.why ?? '', /^the same request came more than 2 times in 3600 s/);
    assert.equal(meter.loops, 4);
  });
  metered({}, (meter) => assert.equal(meter.repeated('a', 'POST') ?? meter.repeated('a', 'POST'), undefined));
});

test('a cap is told of once, and again only when a person has given more of it', () => {
  metered({ requests: 3, runs: 1 }, (meter) => {
    const { day } = meter.today;
    const allow = (cap: 'requests' | 'runs', upTo: number, of: string = day): void =>
      meter.allow([{ id: 1, cap, day: of, upTo }]);
    assert.deepEqual([meter.tell('requests'), meter.tell('requests'), meter.tell('runs')], [true, false, true]);
    allow('requests', 3);
    allow('requests', 9, '2000-01-01');
    assert.deepEqual(
      [meter.tell('requests'), meter.limit('requests')],
      [false, 3],
      'no more than before, or for another day',
    );
    allow('requests', 6);
    assert.deepEqual([meter.limit('requests'), meter.tell('runs'), meter.tell('requests')], [6, false, true]);
    assert.equal(meter.tell('requests'), false);
  });
});

test('with a cap in money, only a model of which the price is known is asked', () => {
  metered({ money: 1_000_000 }, (meter) => {
    assert.match(meter.model('a-model-that-nobody-knows')?.why ?? '', /price of the model \S+ is not known/);
    assert.match(meter.model(undefined)?.why ?? '', /does not name its model/);
    assert.equal(meter.model('claude-sonnet-4-5'), undefined);
  });
  metered({ tokens: 5 }, (meter) => assert.equal(meter.model('a-model-that-nobody-knows'), undefined));
});

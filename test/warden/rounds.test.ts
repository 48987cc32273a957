import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rounds } from '../../src/programs/warden/probes/rounds.ts';

const MINUTE = 60_000;

test('a round that takes longer than a minute is not joined by the next', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const begun: PromiseWithResolvers<void>[] = [];
  class Slow extends Rounds {
    override now(): Promise<void> {
      const round = Promise.withResolvers<void>();
      begun.push(round);
      return round.promise;
    }
  }
  const noted: string[] = [];
  const logs = { ofProgram: () => ({ note: (text: string) => noted.push(text) }) };
  const nothing = undefined as never;
  new Slow(nothing, nothing, logs as never, nothing, nothing).begin();
  t.mock.timers.tick(3 * MINUTE);
  assert.equal(begun.length, 1);
  begun[0]?.reject(new Error('no ledger'));
  await new Promise(setImmediate);
  t.mock.timers.tick(MINUTE);
  assert.equal(begun.length, 2, 'and one that fails is followed by the next');
  assert.match(noted.join(), /a round of probes failed: Error: no ledger/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pidOf } from './asking.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

/** A question every 12 s, and three of them. */
const AT_MOST_MS = 100_000;

test('a gateway that hangs is ended on record, started again, and serves', {
  skip: NOT_ROOT || (process.env.BULKHEAD_LONG ? false : 'it waits for more than a minute: BULKHEAD_LONG=1 runs it'),
}, async () => {
  await withFleetBeside('agents:\n  one: {}\n', async (stand) => {
    const answers = async (withinS: number): Promise<boolean> =>
      (await stand.run('one', ['curl', '-sS', '-m', String(withinS), 'http://bulkhead.internal/'])).status === 0;
    assert.ok(await answers(30));
    const gateway = await pidOf(stand, 'gateway');
    const begun = Date.now();
    process.kill(gateway, 'SIGSTOP');
    assert.equal(await answers(3), false);
    for (let now = gateway; now === gateway; now = await pidOf(stand, 'gateway').catch(() => gateway)) {
      assert.ok(Date.now() < begun + AT_MOST_MS, 'it hangs still');
      await wait(500);
    }
    assert.ok(Date.now() > begun + 50_000, 'it was not given the time to answer');
    for (const late = Date.now() + 60_000; !(await answers(30)); await wait(200))
      assert.ok(Date.now() < late, 'the next one does not serve');
    const { json } = await stand.bulkhead(['ledger', 'tail', '-n', '50', '--json', '--event', 'program.killed']);
    assert.deepEqual(
      json.entries.map(({ program, why }: { program: string; why: string }) => [program, why]),
      [['gateway', 'it has not answered for 60 s']],
    );
  });
});

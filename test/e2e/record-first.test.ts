import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { StatusDocument } from '../../src/model/documents.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

const FLEET = `agents:
  looper:
    command: [sh, -c, "date +%s.%N >> /workspace/starts; sleep 0.3"]
    limits: { memory: 256M, disk: 64M }
`;

test('while the ledger does not answer nothing is started: no run, no restart, no connection', {
  skip: NOT_ROOT,
}, async () => {
  await withFleetBeside(FLEET, async (stand) => {
    const starts = async (): Promise<number> =>
      (await stand.run('looper', ['cat', '/workspace/starts'])).stdout.split('\n').length;
    const { json } = await stand.bulkhead(['status', '--json']);
    const ledger = (json as StatusDocument).programs.find(({ name }) => name === 'ledger')?.pid ?? assert.fail();
    const more = async (than: number, what: string): Promise<number> => {
      for (const late = Date.now() + 60_000; ; await wait(200)) {
        const now = await starts();
        if (now > than) return now;
        assert.ok(Date.now() < late, what);
      }
    };
    const before = await more(2, 'it is started again and again');
    process.kill(ledger, 'SIGSTOP');
    try {
      await wait(1000); // what was recorded before may still start
      const refused = await stand.run('looper', ['touch', '/workspace/ran']);
      assert.equal(refused.status, 125);
      assert.match(refused.stderr, /^The ledger has not answered for 5 s[^\n]*\n[^\n]+\n$/);
      const status = await stand.bulkhead(['status', '--probe', '--json']);
      const walls = (status.json as StatusDocument).agents[0]?.walls;
      assert.equal(walls?.find(({ wall }) => wall === 'record')?.level, 'none');
      const during = (status.json as StatusDocument).agents[0]?.state;
      assert.equal(during, 'waiting');
    } finally {
      process.kill(ledger, 'SIGCONT');
    }
    const entries = async (): Promise<number> =>
      (
        (await stand.bulkhead(['ledger', 'tail', '-n', '500', '--event', 'command.started', '--json'])).json
          .entries as { restart?: number }[]
      ).filter(({ restart }) => restart !== undefined).length;
    // What had been recorded before the ledger stopped may still have started; what comes after that shows that it answers.
    const after = await more(Math.max(before, await starts()) + 1, 'it goes on once there is a record');
    assert.equal(
      (await stand.run('looper', ['ls', '/workspace/ran'])).status,
      2,
      'what was refused was not done later',
    );
    assert.ok(after > before);
    assert.ok((await entries()) >= after - 3, 'each start again is on record');
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Record } from '../../src/programs/warden/record.ts';
import { connect, folder, kill, read, started } from '../ledger/process.ts';

const skip = process.getuid?.() === 0 ? false : 'a ledger of another user takes root';

test('what must be on record before anything goes on waits for a ledger that does not answer for a while', {
  skip,
}, async (t) => {
  const ledger = await started(t, folder(t));
  const lost: object[] = [];
  const record = new Record(ledger.socket, (entry) => lost.push(entry));
  await record.connect([]);
  process.kill(ledger.child.pid ?? 0, 'SIGSTOP');
  await assert.rejects(record.write({ event: 'program.started', program: 'one' }), { code: 'record-failed' });
  let over = false;
  const done = record.persist({ event: 'program.started', program: 'two' }).finally(() => {
    over = true;
  });
  await sleep(6000); // longer than it waits for an answer
  assert.equal(over, false, 'nothing goes on before it is on record');
  process.kill(ledger.child.pid ?? 0, 'SIGCONT');
  await done;
  const { entries } = await read(await connect(t, ledger), { event: 'program.started' });
  assert.ok(entries.some(({ program }) => program === 'two'));
  assert.deepEqual(lost, []);
  await kill(ledger);
});

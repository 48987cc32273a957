import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import test, { type TestContext } from 'node:test';
import { FirstProcess } from '../../src/programs/warden/compartments/first-process.ts';

/** What comes in time must come in time on a slow machine too. */
const PATIENT = { stands: 60_000, lastAct: 60_000 };

/** A shell as the keeper; the first process is its child. */
function kept(
  t: TestContext,
  script: string,
  patience: Partial<typeof PATIENT> = {},
): { keeper: ChildProcess; first: FirstProcess; said: string[] } {
  const keeper = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  t.after(() => {
    try {
      process.kill(-(keeper.pid ?? 0), 'SIGKILL');
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    }
  });
  const said: string[] = [];
  return { keeper, first: new FirstProcess(keeper, (text) => said.push(text), { ...PATIENT, ...patience }), said };
}

test('it stands once the first process gives back what it was sent, and not before', async (t) => {
  const { keeper, first } = kept(t, 'exec 3<&0; cat <&3 & wait');
  assert.equal(first.pid, undefined);
  await first.stand();
  assert.ok(first.pid !== undefined && first.pid !== keeper.pid);
  assert.deepEqual(first.held, { keeper, firstPid: first.pid });
});

test('one that does not stand says why in the last words of its launcher', async (t) => {
  const { first, said } = kept(t, 'echo one >&2; echo launcher: no such mount >&2; sleep 0.1; exit 125');
  await assert.rejects(first.stand(), { message: 'launcher: no such mount' });
  assert.match(said.join('\n'), /one\nlauncher: no such mount/);
  assert.equal(first.pid, undefined);
});

test('one that says nothing at all is given up', async (t) => {
  const { first } = kept(t, 'sleep 30 & wait', { stands: 500 });
  await assert.rejects(first.stand(), { message: 'it did not stand within 0.5 s' });
});

test('what is said once it stands is not listened to', async (t) => {
  const { keeper, first, said } = kept(t, 'exec 3<&0; cat <&3 & wait; echo from the agent >&2');
  await first.stand();
  process.kill(first.pid ?? 0, 'SIGKILL');
  await new Promise((done) => keeper.once('close', done));
  assert.deepEqual(said, []);
});

test('a keeper is given time for its last act', async (t) => {
  const { keeper, first } = kept(t, 'exec 3<&0; cat <&3 & wait; sleep 0.1; exit 7');
  await first.stand();
  process.kill(first.pid ?? 0, 'SIGKILL');
  assert.equal(await first.ended(), true);
  assert.equal(keeper.exitCode, 7);
  assert.equal(await first.ended(), true, 'asked again');
});

test('a keeper that does not end is killed, and its end awaited', async (t) => {
  const { keeper, first } = kept(t, 'trap "" TERM; exec 3<&0; cat <&3 & wait; while :; do sleep 1; done', {
    lastAct: 300,
  });
  await first.stand();
  process.kill(first.pid ?? 0, 'SIGKILL');
  assert.equal(await first.ended(), false);
  assert.equal(keeper.signalCode, 'SIGKILL');
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { SpareLaunchers } from '../../src/host/launch/spare-launcher.ts';
import type { Compartment } from '../../src/programs/warden/compartments/compartment.ts';
import type { Record } from '../../src/programs/warden/record.ts';
import { Sessions } from '../../src/programs/warden/sessions/sessions.ts';
import type { Connection } from '../../src/wire/serve.ts';

const compartment = { facts: { agent: { name: 'coder' } }, orders: () => [] } as unknown as Compartment;
const COMMAND = { argv: ['sleep', '60'] };

interface Connected extends Connection<string> {
  /** Whoever asked goes. */
  readonly leave: () => void;
}

function connected(): Connected {
  const socket = Object.assign(new EventEmitter(), { destroyed: false });
  const leave = (): void => {
    socket.destroyed = true;
    socket.emit('close');
  };
  return { peer: { uid: 0 }, caller: 'root', socket, notify: () => {}, leave } as unknown as Connected;
}

/** Launchers that begin at once, with a command in a session of its own. */
function launchers(
  t: TestContext,
  script = 'setsid sleep 60; exit 9',
): { readonly spares: SpareLaunchers; readonly begun: ChildProcess[] } {
  const begun: ChildProcess[] = [];
  t.after(() => {
    for (const child of begun) child.kill('SIGKILL');
  });
  const take = (): object => {
    const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
    begun.push(child);
    return { child, ours: [], begin: () => {}, order: () => {} };
  };
  return { spares: { take, prepare: () => {}, leave: () => {} } as unknown as SpareLaunchers, begun };
}

test('a command whose operator leaves while it is recorded ends, as it would later', async (t) => {
  const { spares, begun } = launchers(t);
  const recorded = Promise.withResolvers<void>();
  const record = { write: () => recorded.promise, tell: () => {} } as unknown as Record;
  const connection = connected();
  const answer = new Sessions(record, spares, async () => undefined).begin(compartment, COMMAND, connection);
  connection.leave();
  recorded.resolve();
  await answer;
  const [child] = begun as [ChildProcess];
  await once(child, 'exit', { signal: AbortSignal.timeout(60_000) });
});

test('a command that its launcher begins long after the operator has left ends too', async (t) => {
  const { spares, begun } = launchers(t, 'sleep 2.5; setsid sleep 60; exit 9');
  const record = { write: async () => {}, tell: () => {} } as unknown as Record;
  const connection = connected();
  await new Sessions(record, spares, async () => undefined).begin(compartment, COMMAND, connection);
  connection.leave();
  const [child] = begun as [ChildProcess];
  const [status] = await once(child, 'exit', { signal: AbortSignal.timeout(40_000) });
  assert.equal(status, 9, 'of what its launcher began nothing is left');
});

test('one connection begins one command, also while the first is still being recorded', async (t) => {
  const { spares, begun } = launchers(t);
  const record = { write: async () => {}, tell: () => {} } as unknown as Record;
  const connection = connected();
  const sessions = new Sessions(record, spares, async () => undefined);
  const first = sessions.begin(compartment, COMMAND, connection);
  await assert.rejects(sessions.begin(compartment, COMMAND, connection), { code: 'busy' });
  await first;
  await assert.rejects(sessions.begin(compartment, COMMAND, connection), { code: 'busy' });
  assert.equal(begun.length, 1);
  connection.leave();
});

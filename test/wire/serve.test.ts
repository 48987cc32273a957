import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { Client } from '../../src/wire/client.ts';
import { type Connection, serve } from '../../src/wire/serve.ts';

test('who is an operator no more is answered nothing and told nothing on a connection that was made before', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-serve-'));
  t.after(() => removeTree(folder));
  const operators = new Set([process.getuid?.()]);
  const path = join(folder, 'it.sock');
  const watching: Connection<'operator'>[] = [];
  let answered = 0;
  const answer = (_: unknown, connection: Connection<'operator'>): number => {
    watching.push(connection);
    return ++answered;
  };
  const server = await serve<'operator'>({
    ...{ path, mode: 0o600, requests: { watch: { from: ['operator'], answer } } },
    who: ({ uid }) => (operators.has(uid) ? 'operator' : undefined),
    onBug: (error) => assert.fail(String(error)),
  });
  t.after(() => server.close());
  const told: object[] = [];
  const connected = async (): Promise<Client> => {
    const socket = connect(path);
    await once(socket, 'connect');
    const client = new Client(socket);
    client.onNotice = (frame) => told.push(frame as object);
    return client;
  };
  const [asks, hears] = [await connected(), await connected()];
  assert.deepEqual([await asks.call('watch'), await hears.call('watch')], [1, 2]);
  for (const one of watching) one.notify({ do: 'question' });
  await asks.call('watch');
  // Two connections: the notice on one may be read after the answer on the other.
  for (const late = Date.now() + 60_000; told.length < 2; await sleep(10)) assert.ok(Date.now() < late, 'not told');
  operators.clear();
  await assert.rejects(asks.call('watch'));
  const ended = new Promise<void>((resolve) => {
    hears.onEnd = () => resolve();
  });
  watching[1]?.notify({ do: 'question' });
  await ended;
  assert.deepEqual([answered, told.length], [3, 2]);
});

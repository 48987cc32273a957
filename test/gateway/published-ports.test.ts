import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SOCK_STREAM, socketPair } from '../../src/host/pipes.ts';
import { agentName } from '../../src/model/names.ts';
import { PublishedPorts } from '../../src/programs/gateway/ports/published-ports.ts';

const CODER = agentName('coder');
const PORT = 18_797;

test('a connection that was closed while the compartment was dialled leaves none in there', async (t) => {
  const { ours, theirs } = socketPair(SOCK_STREAM);
  const inside = new Socket({ fd: ours });
  t.after(() => inside.destroy());
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<number>();
  const ports = new PublishedPorts(() => {
    asked.resolve();
    return answer.promise;
  });
  await ports.publish(CODER, PORT);
  t.after(() => ports.forget(CODER));
  const client = connect(PORT, '127.0.0.1');
  client.on('error', () => {});
  t.after(() => client.destroy());
  await asked.promise;
  const gone = once(client, 'close');
  await ports.unpublish(CODER, PORT);
  await gone; // and so has the gateway's end of it: what is closed later says so by itself
  await sleep(50);
  const closed = once(inside.resume(), 'end', { signal: AbortSignal.timeout(30_000) });
  answer.resolve(theirs);
  assert.deepEqual(await closed, []);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { firstBytes } from '../../src/programs/gateway/first-bytes.ts';

/** This program does nothing for so long, not even look at what comes. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('who spoke while the gateway was busy elsewhere was neither silent nor late', async (t) => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [here] = (await once(server, 'connection')) as [Socket];
  t.after(() => [client, here].map((one) => one.destroy()));
  if (client.connecting) await once(client, 'connect');
  const first = firstBytes(here, (bytes) => (bytes.length > 1 ? String(bytes) : undefined), 100);
  await new Promise((resolve) => setImmediate(resolve));
  client.write('hello');
  standStill(300);
  const said = await first;
  assert.deepEqual(said.kind === 'read' && said.value, 'hello', said.kind);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { Incoming } from '../../src/programs/gateway/incoming.ts';

test('who waits for more of a connection that is left gets the end at once, not when the time is up', async () => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const incoming = new Incoming(socket);
  const waiting = incoming.next(20_000);
  const began = performance.now();
  incoming.leave();
  assert.equal(await waiting, undefined);
  assert.ok(performance.now() - began < 10_000);
  socket.destroy();
  server.close();
});

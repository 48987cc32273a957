import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { HeldBodies, HeldBody } from '../../src/programs/gateway/read/held-bodies.ts';
import { Incoming } from '../../src/programs/gateway/read/incoming.ts';
import { wholeBody } from '../../src/programs/gateway/read/whole-body.ts';

const MIB = 1024 * 1024;

test('a body in pieces of one byte takes no more than twice its length, and gives it back', () => {
  const all = new HeldBodies();
  const held = new HeldBody(all);
  for (let i = 0; i < 100_000; i++) assert.ok(held.push(Buffer.from([i & 255])));
  assert.equal(held.bytes.length, 100_000);
  assert.ok(held.bytes.every((byte, i) => byte === (i & 255)));
  assert.ok(all.taken < 200_000, String(all.taken));
  held.release();
  held.release();
  assert.equal(all.taken, 0);
});

test('all that an agent has waiting is bounded together, and there is room again when some of it is gone', () => {
  const all = new HeldBodies();
  const held = Array.from({ length: 40 }, () => new HeldBody(all));
  const taken = held.filter((one) => one.push(Buffer.alloc(MIB)));
  assert.equal(taken.length, 16);
  taken[0]?.release();
  assert.ok(held[39]?.push(Buffer.alloc(MIB)));
});

test('a client that asks to go on and is gone by then is cut off, and nothing is thrown', async (t) => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const client: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  const fromClient = new Incoming(client);
  client.destroy();
  const [host, port] = ['allow.test', 9443];
  const line = {
    door: { outside: {}, compartment: { bindings: [{ host, port, in: ['json key'] }] } },
    client,
    fromClient,
  };
  const headers = [
    ['content-type', 'application/json'],
    ['expect', '100-continue'],
  ];
  const asked = [{ ...line, destination: { host, port } }, { headers }, { kind: 'length', length: 5 }] as never[];
  const [one, two, three] = asked as [never, never, never];
  assert.equal(await wholeBody(one, two, three, new HeldBody(new HeldBodies())), 'the body was cut off');
});

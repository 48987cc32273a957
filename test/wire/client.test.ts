import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { Client } from '../../src/wire/client.ts';
import { encodeFrame } from '../../src/wire/frames.ts';

test('what comes with a reply is taken before any frame after it is seen, though both came at once', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const connected = once(server, 'connection');
  const client = new Client(connect((server.address() as AddressInfo).port, '127.0.0.1'));
  const [peer] = (await connected) as [Socket];
  t.after(() => peer.destroy());
  const order: string[] = [];
  client.onNotice = (frame) => order.push((frame as { do: string }).do);
  const first = client.call('start', {}, () => order.push('taken'));
  await once(peer, 'data');
  peer.write(Buffer.concat([encodeFrame({ id: 1, ok: {} }), encodeFrame({ id: 1, do: 'tree' })]));
  assert.equal(await first, 1, 'the result is what was taken');
  assert.deepEqual(order, ['taken', 'tree']);

  client.onEnd = () => order.push('ended');
  const second = client.call('start', {}, () => {
    throw new Error('no descriptor came');
  });
  peer.write(encodeFrame({ id: 2, ok: {} }));
  await assert.rejects(second, /no descriptor came|closed/);
  assert.deepEqual(
    order,
    ['taken', 'tree', 'ended'],
    'a connection whose descriptors are out of step is not used any more',
  );
});

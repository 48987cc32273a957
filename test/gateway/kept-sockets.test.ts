import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, mock, test } from 'node:test';
import { isRepeatable } from '../../src/programs/gateway/read/far-end.ts';
import { Incoming } from '../../src/programs/gateway/read/incoming.ts';
import { type KeptServer, KeptServers } from '../../src/programs/gateway/read/kept-servers.ts';
import { readRequestHead } from '../../src/protocol/http1.ts';

// Which connections are kept, how many, and for how long; test/gateway/kept-servers.test.ts has what the gateway does with them.

const UNDER = {} as KeptServer['under'];
let server: Server;
const peers: Socket[] = [];

before(async () => {
  server = createServer((peer) => peers.push(peer.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => {
  for (const peer of peers) peer.destroy();
  server.close();
});

/** One that stands, and its other end. */
async function standing(more: Partial<KeptServer> = {}): Promise<{ kept: KeptServer; peer: Socket }> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  let peer: Socket | undefined;
  while (peer === undefined) {
    peer = peers.find(({ remotePort }) => remotePort === socket.localPort);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const incoming = new Incoming(socket);
  assert.equal(socket.read(), null); // it has been read before
  const kept = { socket, upstream: socket, incoming, address: '127.0.0.1', declined: false, where: 'a', under: UNDER };
  return { kept: { ...(kept as KeptServer), ...more }, peer };
}

test('the latest is taken, once, and only for the same place, roots and protocol', async () => {
  const all = new KeptServers();
  const [one, two, other, declined] = await Promise.all([
    standing(),
    standing(),
    standing({ where: 'b' }),
    standing({ where: 'c', declined: true }),
  ]);
  for (const { kept } of [one, two, other, declined]) all.keep(kept);
  const roots = {} as KeptServer['under'];
  assert.deepEqual(
    [all.has('a', UNDER, false), all.has('a', roots, false), all.has('d', UNDER, false)],
    [true, false, false],
  );
  assert.deepEqual(
    [all.has('a', UNDER, true), all.has('c', UNDER, true)],
    [false, true],
    'it was never offered HTTP/2',
  );
  assert.equal(all.take('a', roots), undefined);
  assert.deepEqual([all.take('a', UNDER), all.take('a', UNDER), all.take('a', UNDER)], [two.kept, one.kept, undefined]);
  assert.equal(one.kept.socket.destroyed, false, 'it is its taker’s');
  all.clear();
  assert.deepEqual([other.kept.socket.destroyed, one.kept.socket.destroyed], [true, false]);
  one.kept.socket.destroy();
  two.kept.socket.destroy();
});

test('sixteen are kept, and the oldest goes for the next', async () => {
  const all = new KeptServers();
  const many = await Promise.all(Array.from({ length: 18 }, () => standing()));
  for (const { kept } of many) all.keep(kept);
  assert.deepEqual(
    many.map(({ kept }) => kept.upstream.destroyed),
    [true, true, ...Array(16).fill(false)],
  );
  all.clear();
});

test('one that nobody takes is ended before its server would end it', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const all = new KeptServers();
    const { kept } = await standing();
    all.keep(kept);
    mock.timers.tick(3999);
    assert.equal(kept.upstream.destroyed, false);
    mock.timers.tick(1);
    assert.deepEqual([kept.upstream.destroyed, all.has('a', UNDER, false)], [true, false]);
    const { kept: taken } = await standing();
    all.keep(taken);
    all.take('a', UNDER);
    mock.timers.tick(4000);
    assert.equal(taken.upstream.destroyed, false, 'one that was taken is not');
    taken.socket.destroy();
  } finally {
    mock.timers.reset();
  }
});

test('one on which anything comes unasked, or which has ended, is none: at once, later, and in the same moment', async () => {
  const all = new KeptServers();
  const early = await standing();
  early.peer.write('unasked');
  await once(early.kept.socket, 'readable');
  all.keep(early.kept);
  assert.equal(early.kept.upstream.destroyed, true);
  const back = await standing();
  back.kept.incoming.unread(Buffer.from('more than an answer'));
  all.keep(back.kept);
  assert.equal(back.kept.upstream.destroyed, true);
  for (const [say, event] of [
    [(peer: Socket) => void peer.write('unasked'), 'readable'],
    [(peer: Socket) => void peer.end(), 'end'],
  ] as const) {
    const later = await standing();
    all.keep(later.kept);
    assert.ok(all.has('a', UNDER, false));
    say(later.peer);
    await once(later.kept.upstream, event);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([later.kept.upstream.destroyed, all.has('a', UNDER, false)], [true, false], event);
  }
  const now = await standing();
  all.keep(now.kept);
  now.kept.socket.destroy(); // of which nobody is told yet
  assert.deepEqual([all.has('a', UNDER, false), all.take('a', UNDER)], [false, undefined]);
});

test('only what reads, has no body and asks for no other protocol is sent where it may not be heard', () => {
  const repeatable = (text: string): boolean => {
    const read = readRequestHead(Buffer.from(`${text}\r\n\r\n`.replaceAll('|', '\r\n')));
    assert.ok(read.kind === 'head');
    return isRepeatable(read.head);
  };
  for (const text of [
    'GET / HTTP/1.1|Host: a',
    'HEAD / HTTP/1.1|Host: a',
    'OPTIONS * HTTP/1.1|Host: a|Connection: close',
  ])
    assert.ok(repeatable(text), text);
  for (const text of [
    'DELETE / HTTP/1.1|Host: a',
    'POST / HTTP/1.1|Host: a|Content-Length: 0',
    'GET / HTTP/1.1|Host: a|Content-Length: 3',
    'GET / HTTP/1.1|Host: a|Transfer-Encoding: chunked',
    'GET / HTTP/1.1|Host: a|Connection: Upgrade|Upgrade: websocket',
  ])
    assert.ok(!repeatable(text), text);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostText } from '../../src/protocol/host.ts';
import { isField, isMethod, isTarget } from '../../src/protocol/http1.ts';
import { readStreamAnswer, readStreamHead, readStreamTrailers } from '../../src/protocol/http2.ts';
import { FUZZ } from './seed.ts';

const BASE = [':method', 'GET', ':scheme', 'https', ':authority', 'a.test:9443', ':path', '/x?y'];

test('a request is read, its cookies in one, without what names the destination', () => {
  const head = readStreamHead([...BASE, 'cookie', 'a=1', 'host', 'b.test', 'x', '1', 'cookie', 'b=2', 'x', '2']);
  assert.ok(typeof head !== 'string');
  assert.deepEqual(
    [head.method, head.path, hostText(head.authority.host), head.authority.port],
    ['GET', '/x?y', 'a.test', 9443],
  );
  assert.deepEqual(
    head.hosts.map(({ host }) => hostText(host)),
    ['b.test'],
  );
  assert.deepEqual(head.headers, [
    ['x', '1'],
    ['x', '2'],
    ['cookie', 'a=1; b=2'],
  ]);
});

test('what is no request, or says something about a connection of HTTP/1.1, is refused', () => {
  const other = (name: string, value: string): string[] => BASE.map((one, i) => (BASE[i - 1] === name ? value : one));
  for (const raw of [
    BASE.slice(2),
    BASE.slice(0, 6),
    [...BASE, ':path', '/z'],
    ['x', '1', ...BASE],
    [...BASE, ':protocol', 'websocket'],
    other(':method', 'CONNECT'),
    other(':method', 'GE T'),
    other(':scheme', 'http'),
    other(':path', 'x'),
    other(':path', '*'),
    other(':path', '/a b'),
    other(':authority', ''),
    ...['connection', 'upgrade', 'transfer-encoding', 'keep-alive', 'http2-settings'].map((name) => [
      ...BASE,
      name,
      'x',
    ]),
    [...BASE, 'te', 'gzip'],
    [...BASE, 'X-Upper', '1'],
    [...BASE, 'x', ' padded'],
    [...BASE, 'x', 'a\r\nb: c'],
    [...BASE, ...Array.from({ length: 102 }, (_, i) => [`x${i}`, '']).flat()],
    [...BASE, 'x', 'y'.repeat(33_000)],
  ])
    assert.equal(typeof readStreamHead(raw), 'string', JSON.stringify(raw).slice(0, 200));
  assert.equal(
    typeof readStreamHead([...other(':path', '*').map((one) => (one === 'GET' ? 'OPTIONS' : one)), 'te', 'trailers']),
    'object',
  );
});

test('answers have one status and advertise no other service; trailers have no pseudo-fields', () => {
  assert.deepEqual(readStreamAnswer([':status', '200', 'alt-svc', 'h3', 'a', 'b']), {
    status: 200,
    headers: [['a', 'b']],
  });
  for (const raw of [[], [':status', '2000'], [':status', '200', ':status', '200'], ['a', 'b']])
    assert.equal(typeof readStreamAnswer(raw), 'string');
  assert.equal(typeof readStreamTrailers([':status', '200']), 'string');
  assert.equal(readStreamTrailers(['etag', 'a', 'x', '1', 'etag', 'b']), 'etag is given twice');
  assert.deepEqual(readStreamTrailers(['grpc-status', '0']), [['grpc-status', '0']]);
});

test('any fields: a reason, or what HTTP/1.1 could say too', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom('x', 'host', 'cookie', ':path', '/a', 'a\r\nb', 'te', '\0'),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), fc.nat(8), (pairs, at) => {
      const raw = [...BASE.slice(0, at - (at % 2)), ...pairs.flat(), ...BASE.slice(at - (at % 2))];
      const head = readStreamHead(raw);
      if (typeof head === 'string') return;
      assert.ok(isMethod(head.method) && isTarget(head.path));
      assert.ok(
        head.headers.every(([name, value]) => isField(name, value) && name === name.toLowerCase() && name !== 'host'),
      );
    }),
    FUZZ,
  );
});

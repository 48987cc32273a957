import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agentHead, endsConnection, readResponseHead, responseFraming } from '../../src/protocol/http1-response.ts';
import { FUZZ } from './seed.ts';

const read = (text: string) => readResponseHead(Buffer.from(text, 'latin1'));
const head = (lines: string, status = '200 OK') => {
  const result = read(`HTTP/1.1 ${status}\r\n${lines}\r\n`);
  if (result.kind !== 'head') throw new Error(`${lines}: ${JSON.stringify(result)}`);
  return result.head;
};

test('a head is read when it is whole, and not before', () => {
  const text = 'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n';
  for (let cut = 0; cut < text.length; cut++) assert.equal(read(text.slice(0, cut)).kind, 'more', String(cut));
  const result = read(`${text}rest`);
  assert.deepEqual(result, {
    kind: 'head',
    length: text.length,
    head: { status: 204, reason: 'No Content', version: '1.1', headers: [['a', 'b']] },
  });
});

test('what parsers disagree about is malformed', () => {
  for (const text of [
    'HTTP/1.1 200 OK\nA: b\n\n',
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\n A: b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n',
    `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(40_000)}`,
  ])
    assert.equal(read(text).kind, 'bad', JSON.stringify(text.slice(0, 60)));
});

test('the length of a body is one thing or an error (RFC 9112, 6.3)', () => {
  assert.deepEqual(responseFraming(head('content-length: 5\r\n'), 'GET'), { kind: 'length', length: 5 });
  assert.deepEqual(responseFraming(head('transfer-encoding: Chunked\r\n'), 'GET'), { kind: 'chunked' });
  assert.deepEqual(responseFraming(head(''), 'GET'), { kind: 'close' });
  for (const [method, status] of [
    ['HEAD', '200 OK'],
    ['GET', '204 No'],
    ['GET', '304 Not'],
    ['GET', '103 Early'],
  ] as const)
    assert.deepEqual(responseFraming(head('content-length: 5\r\n', status), method), { kind: 'none' });
  for (const lines of [
    'content-length: 5\r\ncontent-length: 5\r\n',
    'content-length: 5\r\ntransfer-encoding: chunked\r\n',
    'content-length: +5\r\n',
    'content-length: 5, 5\r\n',
    'transfer-encoding: gzip, chunked\r\n',
    'transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n',
  ])
    assert.equal(responseFraming(head(lines), 'GET').kind, 'bad', lines);
  assert.deepEqual([endsConnection(head('')), endsConnection(head('connection: x, Close\r\n'))], [false, true]);
});

const AS_IT_IS = { name: (name: string): string => name, text: (text: string): string => text };

test('fields of the connection are left out, other services are not advertised, and Set-Cookie stays in as many lines', () => {
  const text = agentHead(
    head('connection: x-hop\r\nx-hop: 1\r\nkeep-alive: 1\r\nalt-svc: h3\r\nset-cookie: a\r\nset-cookie: b\r\n'),
    AS_IT_IS,
    [['connection', 'close']],
  );
  assert.equal(text.toString(), 'HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\nconnection: close\r\n\r\n');
});

test('any bytes: never a throw, and what is written anew reads as the same', () => {
  const line = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom('content-length: 3', 'transfer-encoding: chunked', ' folded', 'a: b\rc', 'x\0: y'),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.constantFrom('\r\n', '\n', '\r'), (lines, end) => {
      const result = read(`HTTP/1.1 200 OK\r\n${lines.join(end)}${end}\r\n`);
      if (result.kind !== 'head') return;
      const again = readResponseHead(agentHead(result.head, AS_IT_IS, []));
      assert.ok(again.kind === 'head');
      assert.deepEqual(responseFraming(again.head, 'GET'), responseFraming(result.head, 'GET'));
    }),
    FUZZ,
  );
});

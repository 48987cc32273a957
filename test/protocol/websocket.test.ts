import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readRequestHead } from '../../src/protocol/http1.ts';
import { readResponseHead } from '../../src/protocol/http1-response.ts';
import {
  asksForWebSocket,
  closing,
  type FramePiece,
  FrameReader,
  frame,
  whyNoWebSocket,
} from '../../src/protocol/websocket.ts';
import { FUZZ } from './seed.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const texts = (pieces: readonly FramePiece[]): string[] =>
  pieces.map(
    ({ opcode, fin, data, last }) => `${opcode}${fin ? '.' : ''}${last ? '|' : ''} ${data.toString('latin1')}`,
  );

test('the examples of RFC 6455, 5.7 are read', () => {
  assert.deepEqual(texts(new FrameReader(false).push(hex('81 05 48 65 6c 6c 6f'))), ['1.| Hello']);
  assert.deepEqual(texts(new FrameReader(true).push(hex('81 85 37 fa 21 3d 7f 9f 4d 51 58'))), ['1.| Hello']);
  const fragments = hex('01 03 48 65 6c 89 05 48 65 6c 6c 6f 80 02 6c 6f');
  assert.deepEqual(texts(new FrameReader(false).push(fragments)), ['1| Hel', '9.| Hello', '0.| lo']);
  const large = Buffer.concat([hex('82 7f 0000000000010000'), Buffer.alloc(65536, 7)]);
  assert.deepEqual(
    new FrameReader(false).push(large).map(({ data }) => data.length),
    [65536],
  );
});

test('the handshake of RFC 6455, 1.3 is answered as it says; others are none, or wrong', () => {
  const ask = (lines: string): ReturnType<typeof asksForWebSocket> => {
    const read = readRequestHead(Buffer.from(`GET /chat HTTP/1.1\r\nHost: x\r\n${lines}\r\n`));
    assert.ok(read.kind === 'head');
    return asksForWebSocket(read.head);
  };
  const rest =
    'Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
  assert.deepEqual(ask(`Upgrade: WebSocket\r\n${rest}`), { accept: 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' });
  for (const upgrade of ['h2c', 'websocket, h2c', 'h2c, websocket'])
    assert.equal(ask(`Upgrade: ${upgrade}\r\n${rest}`), undefined, upgrade);
  assert.equal(ask(`Upgrade: websocket\r\n${rest}Content-Length: 3\r\n`), 'bad');
  assert.equal(ask(`Upgrade: websocket\r\n${rest.replace('13', '8')}`), 'bad');
  assert.equal(ask(`Upgrade: websocket\r\n${rest}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`), 'bad');
});

test('a server has switched if it says so, for this key, and uses no extension that nobody asked for', () => {
  const why = (lines: string): string | undefined => {
    const read = readResponseHead(Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`));
    assert.ok(read.kind === 'head');
    return whyNoWebSocket(read.head, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  };
  const good = 'Upgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n';
  assert.equal(why(good), undefined);
  for (const [lines, said] of [
    [good.replace('WebSocket\r', 'h2c\r'), /something else/],
    [good.replace('Connection: Upgrade', 'Connection: close'), /something else/],
    [good.replace('s3pP', 'S3pP'), /another WebSocket handshake/],
    [good.replace(/Sec.*\r\n/, ''), /another WebSocket handshake/],
    [`${good}Sec-WebSocket-Extensions: permessage-deflate\r\n`, /an extension unasked/],
  ] as const)
    assert.match(why(lines) ?? '', said, lines);
});

test('what no frame may be is refused', () => {
  for (const [bytes, masked] of [
    ['c1 00', false],
    ['83 00', false],
    ['8b 00', false],
    ['81 80 00000000', false],
    ['81 00', true],
    ['09 00', false],
    ['89 7e 0080', false],
    ['80 00', false],
    ['01 00 01 00', false],
    ['82 7e 0005', false],
    ['82 7f 0000000000000100', false],
    ['82 7f 8000000000000000', false],
  ] as const)
    assert.throws(() => new FrameReader(masked).push(hex(bytes)), RangeError, bytes);
});

test('what is written is read as the same, masked or not, wherever it is cut', () => {
  const message = fc.record({ fin: fc.boolean(), data: fc.uint8Array({ maxLength: 70_000, size: 'max' }) });
  fc.assert(
    fc.property(message, fc.boolean(), fc.array(fc.nat(200), { maxLength: 20 }), ({ fin, data }, masked, cuts) => {
      const key = masked ? Buffer.from('01ff7e80', 'hex') : undefined;
      const bytes = Buffer.concat([frame(2, fin, Buffer.from(data), key), frame(9, true, closing(1000, 'x'), key)]);
      const reader = new FrameReader(masked);
      const pieces: FramePiece[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        pieces.push(...reader.push(Buffer.from(bytes.subarray(at, at + cut))));
        at += cut;
      }
      const of = (kind: number): Buffer =>
        Buffer.concat(pieces.filter(({ opcode }) => opcode === kind).map((one) => one.data));
      assert.ok(of(2).equals(data) && of(9).equals(closing(1000, 'x')));
      assert.deepEqual(
        pieces.filter(({ last }) => last).map((one) => one.fin),
        [fin, true],
      );
    }),
    { ...FUZZ, numRuns: 200 },
  );
});

test('any bytes: pieces or a RangeError, and never more than came', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, masked) => {
      try {
        const pieces = new FrameReader(masked).push(Buffer.from(bytes));
        assert.ok(pieces.reduce((sum, { data }) => sum + data.length, 0) <= bytes.length);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
    FUZZ,
  );
});

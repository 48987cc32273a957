import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { looksLikeTls, readClientHello } from '../../src/protocol/clienthello.ts';
import { asksAgain, secondHelloAt } from '../../src/protocol/server-hello.ts';
import { realHello, withExtension } from './real-hello.ts';
import { FUZZ } from './seed.ts';

let hello: Buffer;
let nameless: Buffer;
before(async () => {
  hello = await realHello('allow.test');
  nameless = await realHello(undefined);
});

/** The handshake message in records of other sizes. */
function inRecords(whole: Buffer, sizes: readonly number[]): Buffer {
  const message = whole.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0, i = 0; at < message.length; i++) {
    const piece = message.subarray(at, at + (sizes[i % sizes.length] as number));
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
    at += piece.length;
  }
  return Buffer.concat(records);
}

test('the server name of a real ClientHello is read', () => {
  assert.deepEqual(readClientHello(hello), {
    kind: 'hello',
    serverName: 'allow.test',
    encrypted: false,
    protocols: [],
    length: hello.length,
  });
  assert.ok(looksLikeTls(hello));
});

test('a ClientHello without a server name has none', () => {
  const result = readClientHello(nameless);
  assert.equal(result.kind === 'hello' && result.serverName, undefined);
});

test('an encrypted ClientHello is seen, under both of its numbers', () => {
  for (const type of [0xfe0d, 0xffce]) {
    const result = readClientHello(withExtension(hello, type, Buffer.alloc(20)));
    assert.ok(result.kind === 'hello' && result.encrypted);
  }
});

test('a second server name extension is refused', () => {
  const name = Buffer.from('\0\x0c\0\0\x09deny.test', 'latin1');
  assert.equal(readClientHello(withExtension(hello, 0, name)).kind, 'bad');
  assert.equal(readClientHello(withExtension(nameless, 0, name)).kind, 'hello');
});

test('two names in one extension, an empty one, or another type are refused', () => {
  for (const body of [
    '\0\x18\0\0\x09deny.test\0\0\x09deny.test',
    '\0\x03\0\0\0',
    '\0\x0c\x01\0\x09deny.test',
    '\0\0',
    '',
  ])
    assert.equal(
      readClientHello(withExtension(nameless, 0, Buffer.from(body, 'latin1'))).kind,
      'bad',
      JSON.stringify(body),
    );
});

test('cut anywhere it is incomplete, never another name', () => {
  for (let end = 0; end < hello.length; end++)
    assert.equal(readClientHello(hello.subarray(0, end)).kind, 'more', String(end));
});

test('in records of any size it is the same ClientHello', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }), (sizes) => {
      const result = readClientHello(inRecords(hello, sizes));
      assert.equal(result.kind === 'hello' && result.serverName, 'allow.test');
    }),
    { ...FUZZ, numRuns: 300 },
  );
});

test('an endless ClientHello is refused', () => {
  const endless = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]), Buffer.alloc(0x4000 - 4)]);
  assert.equal(readClientHello(endless).kind, 'bad');
  const tiny = Buffer.concat(new Array<Buffer>(9000).fill(Buffer.from([22, 3, 1, 0, 1, 1])));
  assert.equal(readClientHello(tiny).kind, 'bad');
});

test('what follows in the same record is refused', () => {
  const bytes = Buffer.concat([hello, Buffer.from('smuggled')]);
  bytes.writeUInt16BE(bytes.readUInt16BE(3) + 8, 3);
  assert.equal(readClientHello(bytes).kind, 'bad');
});

test('no bytes make the reader throw', () => {
  const changed = fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { minLength: 1, maxLength: 8 }).map((changes) => {
    const bytes = Buffer.from(hello);
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes;
  });
  const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from([22, 3, 1]), bytes]));
  fc.assert(
    fc.property(fc.oneof(changed, random), (bytes) => {
      const result = readClientHello(bytes);
      assert.ok(['more', 'bad', 'hello'].includes(result.kind));
      if (result.kind === 'hello') assert.ok(result.length <= bytes.length);
      asksAgain(bytes);
      secondHelloAt(bytes);
    }),
    { ...FUZZ, numRuns: FUZZ.numRuns * 5 },
  );
});

test('a second ClientHello is found behind change_cipher_spec and early data', () => {
  const before = Buffer.from([20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 2, 9, 9]);
  assert.equal(secondHelloAt(Buffer.concat([before, hello])), before.length);
  assert.equal(secondHelloAt(before), 'more');
  assert.equal(secondHelloAt(Buffer.from([21, 3, 3, 0, 2, 2, 0])), 'none');
});

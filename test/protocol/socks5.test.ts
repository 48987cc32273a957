import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostText } from '../../src/protocol/host.ts';
import { readGreeting, readSocksRequest, SOCKS, socksReply } from '../../src/protocol/socks5.ts';
import { FUZZ } from './seed.ts';

const request = (type: number, host: string, port: number = 443, command: number = 1): Buffer =>
  Buffer.concat([
    Buffer.from([5, command, 0, type]),
    Buffer.from(host, 'latin1'),
    Buffer.from([port >> 8, port & 255]),
  ]);
const named = (name: string): Buffer => request(3, String.fromCharCode(name.length) + name);

test('a greeting is taken when a password is not needed', () => {
  assert.deepEqual(readGreeting(Buffer.from([5, 2, 2, 0, 5])), { kind: 'greeting', withoutPassword: true, length: 4 });
  assert.deepEqual(readGreeting(Buffer.from([5, 1, 2])), { kind: 'greeting', withoutPassword: false, length: 3 });
  assert.equal(readGreeting(Buffer.from([5, 2, 0])).kind, 'more');
  for (const bytes of [
    [4, 1, 0],
    [5, 0],
    [71, 69],
  ])
    assert.equal(readGreeting(Buffer.from(bytes)).kind, 'bad');
});

test('names and addresses go through the one door for hosts', () => {
  const host = (bytes: Buffer): string | undefined => {
    const result = readSocksRequest(bytes);
    return result.kind === 'connect' ? hostText(result.host) : result.kind;
  };
  assert.equal(host(named('Allow.TEST')), 'allow.test');
  assert.equal(host(named('0x7f000001')), '127.0.0.1');
  assert.equal(host(request(1, '\xcb\0\x71\x01')), '203.0.113.1');
  assert.equal(host(request(4, `${'\0'.repeat(10)}\xff\xff\x7f\0\0\x01`)), '127.0.0.1');
  assert.equal(host(named('deny.test\0.allow.test')), undefined);
  assert.equal(host(named('allow.test ')), undefined);
});

test('what is no CONNECT is answered with its code', () => {
  const code = (bytes: Buffer): number | string => {
    const result = readSocksRequest(bytes);
    return result.kind === 'bad' ? result.reply : result.kind;
  };
  assert.equal(code(request(1, 'abcd', 443, 2)), SOCKS.command);
  assert.equal(code(request(2, 'abcd')), SOCKS.addressType);
  assert.equal(code(request(1, 'abcd', 0)), SOCKS.failure);
  assert.equal(code(named('allow.test').subarray(0, 12)), 'more');
  assert.deepEqual([...socksReply(SOCKS.denied)].slice(0, 4), [5, 2, 0, 1]);
});

test('no bytes make the readers throw', () => {
  const near = fc
    .tuple(fc.constantFrom(1, 2, 3, 4), fc.uint8Array({ maxLength: 40 }))
    .map(([type, rest]) => Uint8Array.from([5, 1, 0, type, ...rest]));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), near), (bytes) => {
      readGreeting(bytes);
      const result = readSocksRequest(bytes);
      if (result.kind === 'connect') assert.ok(result.length <= bytes.length && result.port > 0);
    }),
    { ...FUZZ, numRuns: FUZZ.numRuns * 5 },
  );
});

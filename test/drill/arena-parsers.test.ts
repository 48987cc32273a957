import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { heard, type Target } from '../../src/host/arena/answers.ts';
import { clockSays } from '../../src/host/arena/clock.ts';
import { answer, question } from '../../src/host/arena/dns.ts';
import { carelessTarget } from '../../src/host/arena/proxy.ts';
import { writeTimeRequest } from '../../src/protocol/ntp.ts';

const SEED = 20250301;
const target: Target = { token: 'TOKEN', allowToken: 'WELCOME', names: ['allow.test'], redirect: 'http://deny.test/' };

test(`a target takes any bytes and hears no less when more come (seed ${SEED})`, () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        'GET / HTTP/1.1\r\n',
        'Host: allow.test\r\n',
        'Host: deny.test\r\n',
        '\r\n',
        'Transfer-Encoding: chunked\r\n',
        '0\r\n\r\n',
        'Content-Length: 5\r\n',
        '\x16\x03\x01\x00\x05',
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const { own, foreign, reply } = heard(Buffer.from(parts.join(''), 'latin1'), target);
      assert.ok(own >= 0 && foreign >= 0 && (own + foreign === 0) === (reply.length === 0));
    }),
    { seed: SEED },
  );
});

test('a target under its own name gives the welcome, under any other the token', () => {
  const ask = (text: string): string => heard(Buffer.from(text, 'latin1'), target).reply.toString('latin1');
  assert.match(ask('GET / HTTP/1.1\r\nHost: Allow.test:80\r\n\r\n'), /WELCOME$/);
  assert.match(ask('GET / HTTP/1.1\r\nHost: deny.test\r\n\r\n'), /TOKEN$/);
  assert.match(ask('GET / HTTP/1.1\r\nHost: allow.test\r\nHost: deny.test\r\n\r\n'), /TOKEN$/);
  assert.equal(ask('GET / HTTP/1.1\r\nHost: allow.test\r\n'), '');
  assert.match(ask('whatever'), /TOKEN$/);
});

test('a target hangs up when asked to, but not before the body is there', () => {
  const last = (text: string): boolean => heard(Buffer.from(text, 'latin1'), target).last;
  const post = 'POST /te HTTP/1.1\r\nHost: allow.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(last(`${post}5\r\nhello\r\n`), false);
  assert.equal(last(`${post}5\r\nhello\r\n0\r\n\r\n`), true);
  assert.equal(last('GET / HTTP/1.1\r\nHost: allow.test\r\n\r\n'), false);
});

test(`the name server takes any bytes (seed ${SEED})`, () => {
  const zone = { address: () => '203.0.113.1', text: 'x', seen: () => {} };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const message = Buffer.from(bytes);
      assert.equal(answer(message, zone) === undefined, question(message) === undefined);
    }),
    { seed: SEED },
  );
});

test(`the time server takes any bytes, and gives the token for all but a bare request (seed ${SEED})`, () => {
  const ours = { token: 'TOKEN', mark: 'c0123456' };
  const bare = writeTimeRequest(7n);
  const changed = fc
    .tuple(fc.nat(47), fc.nat(255))
    .map(([at, value]) => bare.map((byte, i) => (i === at ? value : byte)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), changed), (bytes) => {
      const { carried, reply } = clockSays(bytes, ours, 0);
      assert.equal(carried, Buffer.compare(bytes.subarray(0, 40), bare.subarray(0, 40)) !== 0 || bytes.length !== 48);
      assert.equal(Buffer.from(reply).toString() === 'TOKEN', carried);
    }),
    { seed: SEED },
  );
  assert.equal(clockSays(writeTimeRequest(Buffer.from('c0123456').readBigUInt64BE()), ours, 0).carried, true);
});

test(`the careless proxies take any authority (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void carelessTarget(text)),
    { seed: SEED },
  );
  assert.deepEqual(carelessTarget('0xCB007101:80'), { host: '203.0.113.1', port: 80 });
});

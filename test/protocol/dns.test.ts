import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../src/protocol/address.ts';
import {
  decodeQuery,
  encodeAnswer,
  encodeError,
  FORMERR,
  NOERROR,
  NOTIMP,
  type Query,
} from '../../src/protocol/dns.ts';
import { FUZZ } from './seed.ts';

/** A question as dig sends it: id, flags, counts, name, type, class, and an OPT record. */
function question(labels: readonly string[], type: number, edns: boolean = false): Buffer {
  const name = Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.from([0]),
  ]);
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0]);
  const opt = edns ? Buffer.from([0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0]) : Buffer.alloc(0);
  return Buffer.concat([head, name, Buffer.from([0, type, 0, 1]), opt]);
}

function decoded(message: Buffer): Query {
  const result = decodeQuery(message);
  assert.equal(result.kind, 'query');
  return (result as { query: Query }).query;
}

test('a question is read as it was asked, letter case and all', () => {
  const query = decoded(question(['AlLoW', 'test'], 28, true));
  assert.deepEqual([query.id, query.name, query.type, query.class, query.edns], [0x1234, 'AlLoW.test', 28, 1, true]);
});

test('bytes that no host name has are shown escaped, never as dots or ends', () => {
  assert.equal(decoded(question(['deny.test\0', 'allow'], 1)).name, 'deny\\046test\\000.allow');
});

test('an answer repeats the question and holds the address', () => {
  const query = decoded(question(['aLLow', 'test'], 1, true));
  const answer = encodeAnswer(query, NOERROR, [parseAddress('198.18.0.16') ?? assert.fail()], 60);
  assert.equal(answer.toString('hex', 0, 12), '123481800001000100000001');
  assert.ok(answer.includes('\x05aLLow\x04test\0'));
  assert.ok(answer.includes(Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 16])));
});

test('answers, other operations and odd counts are no questions', () => {
  const base = question(['a'], 1);
  const changed = (at: number, byte: number): Buffer => Buffer.from(base.map((old, i) => (i === at ? byte : old)));
  assert.equal(decodeQuery(changed(2, 0x81)).kind, 'drop');
  assert.equal(decodeQuery(base.subarray(0, 11)).kind, 'drop');
  assert.deepEqual(decodeQuery(changed(2, 0x28)), { kind: 'error', id: 0x1234, rcode: NOTIMP });
  for (const [at, byte] of [
    [5, 0],
    [5, 2],
    [7, 1],
    [9, 1],
    [11, 2],
    [12, 0xc0],
    [12, 64],
  ] as const)
    assert.deepEqual(decodeQuery(changed(at, byte)), { kind: 'error', id: 0x1234, rcode: FORMERR }, `${at} ${byte}`);
  assert.equal(decodeQuery(Buffer.concat([base, Buffer.from([0])])).kind, 'error');
  assert.equal(encodeError(1, FORMERR).length, 12);
});

test('names are at most 255 bytes', () => {
  const labels = (count: number): string[] => new Array<string>(count).fill('abc');
  assert.equal(decodeQuery(question(labels(63), 1)).kind, 'query');
  assert.equal(decodeQuery(question(labels(64), 1)).kind, 'error');
});

test('no bytes make the reader throw, and every answer is small', () => {
  const near = fc
    .tuple(
      fc.array(fc.string({ minLength: 1, maxLength: 9 }), { maxLength: 5 }),
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }),
      fc.nat(60),
    )
    .map(([labels, changes, cut]) => {
      const message = question(
        labels.map((label) => Buffer.from(label).toString('latin1').slice(0, 63)),
        1,
        true,
      );
      for (const [at, byte] of changes) message[at % message.length] = byte;
      return message.subarray(0, cut === 60 ? message.length : cut);
    });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
        near,
      ),
      (message) => {
        const result = decodeQuery(message);
        if (result.kind !== 'query') return;
        assert.match(result.query.name, /^[A-Za-z0-9_.\\-]*$/);
        const answer = encodeAnswer(result.query, NOERROR, [parseAddress('fd62:6862::10') ?? assert.fail()], 60);
        assert.ok(answer.length <= message.length + 12 + 28 + 11);
      },
    ),
    { ...FUZZ, numRuns: FUZZ.numRuns * 5 },
  );
});

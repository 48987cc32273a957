import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeRecords, encodeRecords, recordBytes } from '../../src/ledger/record.ts';
import { decodeBundle, decodeTile, encodeBundle, LONGEST_ENTRY, tilePath } from '../../src/ledger/tiles.ts';

const SEED = { seed: 65_535 };
const bodies = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  {
    maxLength: 20,
  },
);

test('tile paths are those of the specification', () => {
  assert.equal(tilePath(0, 1234067), 'tile/0/x001/x234/067');
  assert.equal(tilePath('entries', 0), 'tile/entries/000');
  assert.equal(tilePath(2, 5, 17), 'tile/2/005.p/17');
  assert.equal(tilePath(0, 1000, 1), 'tile/0/x001/000.p/1');
});

test('a bundle gives back the entries that went in', () => {
  fc.assert(
    fc.property(bodies, (entries) => assert.deepEqual(decodeBundle(encodeBundle(entries)), entries)),
    SEED,
  );
  assert.deepEqual(encodeBundle([Buffer.from('hi'), Buffer.alloc(0)]), Buffer.from('\0\x02hi\0\0', 'latin1'));
  assert.throws(() => encodeBundle([Buffer.alloc(LONGEST_ENTRY + 1)]), RangeError);
});

test('a bundle or tile that is cut short is not read as a shorter one', () => {
  assert.equal(decodeBundle(Buffer.from('\0\x02h', 'latin1')), undefined);
  assert.equal(decodeBundle(Buffer.from('\0', 'latin1')), undefined);
  assert.equal(decodeTile(Buffer.alloc(33)), undefined);
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const entries = decodeBundle(Buffer.from(bytes));
      if (entries) assert.deepEqual(encodeBundle(entries), Buffer.from(bytes));
    }),
    SEED,
  );
});

test('records give back what was whole, wherever the file is cut', () => {
  fc.assert(
    fc.property(bodies, fc.nat(), (list, cut) => {
      const file = encodeRecords(list);
      const at = cut % (file.length + 1);
      const { bodies: got, whole } = decodeRecords(file.subarray(0, at), LONGEST_ENTRY);
      assert.deepEqual(got, list.slice(0, got.length));
      assert.equal(
        whole,
        got.reduce((sum, body) => sum + recordBytes(body), 0),
      );
      assert.ok(whole <= at && (got.length === list.length || whole + recordBytes(list[got.length] as Buffer) > at));
    }),
    SEED,
  );
});

test('a record with one altered byte ends the reading before it, and what follows a torn write is not believed', () => {
  fc.assert(
    fc.property(
      bodies.filter((list) => list.length > 0),
      fc.nat(),
      fc.uint8Array(),
      (list, at, junk) => {
        const file = encodeRecords(list);
        const altered = Buffer.concat([file, Buffer.from(junk)]);
        const where = at % file.length;
        altered.writeUInt8(altered.readUInt8(where) ^ 0x10, where);
        const { bodies: got } = decodeRecords(altered, LONGEST_ENTRY);
        assert.ok(got.length < list.length);
        assert.deepEqual(got, list.slice(0, got.length));
      },
    ),
    SEED,
  );
});

test('zeroes after the end, as a file system may leave them, are no records', () => {
  const { bodies: got, whole } = decodeRecords(
    Buffer.concat([encodeRecords([Buffer.from('a')]), Buffer.alloc(4096)]),
    100,
  );
  assert.equal(got.length, 1);
  assert.equal(whole, 9);
});

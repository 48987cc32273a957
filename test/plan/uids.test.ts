import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIRST_UID, giveUids, LAST_UID, type UidBook } from '../../src/plan/uids.ts';

const EMPTY: UidBook = { given: {} };

test('a name keeps its uid, and a new name never gets one that was ever given', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'));
  fc.assert(
    fc.property(fc.array(names, { maxLength: 8 }), (fleets) => {
      let book = EMPTY;
      for (const fleet of fleets) {
        const next = giveUids(book, fleet, new Set());
        for (const [name, uid] of Object.entries(book.given)) assert.equal(next.given[name], uid);
        assert.equal(new Set(Object.values(next.given)).size, Object.keys(next.given).length);
        book = next;
      }
    }),
    { seed: 4711, numRuns: 300 },
  );
});

test('uids of others are passed over', () => {
  const { given } = giveUids(EMPTY, ['x/a', 'x/b'], new Set([FIRST_UID, FIRST_UID + 2]));
  assert.deepEqual(given, { 'x/a': FIRST_UID + 1, 'x/b': FIRST_UID + 3 });
});

test('a range that is used up is an error, not a repetition', () => {
  const all = Array.from({ length: LAST_UID - FIRST_UID + 1 }, (_, i) => `x/a${i}`);
  const full = giveUids(EMPTY, all, new Set());
  assert.throws(() => giveUids(full, ['x/one-more'], new Set()), RangeError);
});

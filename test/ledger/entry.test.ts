import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { admit, LONGEST_INLINE, sealEntry, timeAfter } from '../../src/ledger/entry.ts';
import { LONGEST_ENTRY } from '../../src/ledger/tiles.ts';
import { sha256 } from '../../src/ledger/tree.ts';
import { canonicalJson } from '../../src/model/canonical.ts';
import { Failure } from '../../src/model/failure.ts';

const SEED = { seed: 8785 };
const STAMP = { index: 7, time: '2026-01-02T03:04:05.678Z', by: 'warden' } as const;
const fields = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8 });

test('the bytes of an entry are the canonical JSON of its fields and its stamp', () => {
  fc.assert(
    fc.property(fields, (extra) => {
      const { agent: _, by: __, time: ___, index: ____, ...rest } = extra;
      const entry = { ...rest, event: 'step.begin', agent: 'coder' };
      assert.equal(sealEntry(admit(entry), STAMP).toString(), canonicalJson({ ...entry, ...STAMP }));
    }),
    SEED,
  );
});

test('a writer cannot set what the ledger sets', () => {
  for (const field of ['index', 'time', 'by', 'clock', 'whole'])
    assert.throws(() => admit({ event: 'x', [field]: 'warden' }), { code: 'bad-entry' });
});

test('what is no entry is refused as a Failure, whatever it is', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`f${i}`, 1]));
  for (const raw of [
    null,
    [],
    'x',
    {},
    { event: 5 },
    { event: 'Not A Name' },
    { event: 'x', agent: '../etc' },
    { event: 'x', 'white space': 1 },
    { event: 'x', deep },
    { event: 'x', ...many },
    { event: 'x', long: 'x'.repeat(9 * 1024 * 1024) },
    JSON.parse('{"event":"x","__proto__":{"a":1}}'),
  ])
    assert.throws(() => admit(raw), Failure);
  fc.assert(
    fc.property(fc.anything(), (raw) => {
      try {
        admit(raw);
      } catch (error) {
        assert.ok(error instanceof Failure || error instanceof TypeError, String(error));
      }
    }),
    SEED,
  );
});

test('an entry over the limit keeps digest, length and head of its long fields, and names the whole', () => {
  const argv = ['sh', '-c', 'é'.repeat(100_000)];
  const entry = { event: 'command.started', agent: 'coder', argv, cwd: '/workspace' };
  const admitted = admit(entry);
  const sealed = sealEntry(admitted, STAMP);
  assert.ok(sealed.length <= LONGEST_ENTRY);
  const short = JSON.parse(sealed.toString());
  const body = Buffer.from(canonicalJson(argv));
  assert.equal(short.argv.digest, sha256(body).toString('hex'));
  assert.equal(short.argv.length, body.length);
  assert.ok(canonicalJson(argv).startsWith(short.argv.head));
  assert.equal(short.cwd, '/workspace');
  assert.equal(admitted.whole?.bytes.toString(), canonicalJson(entry));
  assert.equal(short.whole, sha256(admitted.whole?.bytes as Buffer).toString('hex'));
});

test('every entry that is admitted fits a bundle', () => {
  const value = fc.oneof(
    fc.integer({ min: 0, max: 90_000 }).map((n) => 'x'.repeat(n)),
    fc.integer({ min: 0, max: 20_000 }).map((n) => '\u0001'.repeat(n)),
    fc.integer({ min: 0, max: 20_000 }).map((n) => '\ud800'.repeat(n)),
    fc.integer({ min: 0, max: 5000 }).map((n) => Array(n).fill('word')),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 199 }), (values) => {
      const name = (i: number): string => `f${i}`.padEnd(64, 'x');
      const entry = { event: 'x', ...Object.fromEntries(values.map((v, i) => [name(i), v])) };
      const admitted = admit(entry);
      const length = sealEntry(admitted, { ...STAMP, index: 2 ** 52, clock: STAMP.time }).length;
      assert.ok(length <= LONGEST_INLINE + 1000, `${length} bytes`);
    }),
    { ...SEED, numRuns: 60 },
  );
  const full = Object.fromEntries(
    Array.from({ length: 199 }, (_, i) => [`f${i}`.padEnd(64, 'x'), '\u0001'.repeat(400)]),
  );
  assert.ok(sealEntry(admit({ event: 'x', ...full }), STAMP).length <= LONGEST_ENTRY);
});

test('time never goes back, and a clock that does is quoted', () => {
  assert.deepEqual(timeAfter(1000, 2000), { at: 2000, time: '1970-01-01T00:00:02.000Z' });
  assert.deepEqual(timeAfter(2000, 2000), { at: 2000, time: '1970-01-01T00:00:02.000Z' });
  assert.deepEqual(timeAfter(2000, 1000), {
    at: 2000,
    time: '1970-01-01T00:00:02.000Z',
    clock: '1970-01-01T00:00:01.000Z',
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reflections, Scrubber, scrubName } from '../../src/policy/scrub.ts';
import { FUZZ } from '../protocol/seed.ts';

const VALUE = 'sk-real/value+with=signs';
const SHOWN = 'sk-0000000000000000000000'.slice(0, VALUE.length);
const PATTERNS = reflections([{ value: VALUE, shown: SHOWN }], ['Zm9ybQ']);

function through(bytes: Buffer, cuts: readonly number[]): string {
  const scrubber = new Scrubber(PATTERNS);
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    out.push(scrubber.push(bytes.subarray(from, cut)));
    from = cut;
  }
  return Buffer.concat([...out, scrubber.end()]).toString('latin1');
}

test('a value is replaced wherever the stream is cut, and nothing else changes, its length included', () => {
  const text = `before ${VALUE}${VALUE} mid sk-real/valu not sk-sk-real/value+with=signs after`;
  const wanted = text.replaceAll(VALUE, SHOWN);
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut++) assert.equal(through(bytes, [cut]), wanted, `cut at ${cut}`);
  assert.equal(
    through(
      bytes,
      Array.from({ length: bytes.length }, (_, i) => i),
    ),
    wanted,
  );
});

test('it does not come back as in a URL, in JSON, or in a coded form that went out', () => {
  for (const form of [
    encodeURIComponent(VALUE),
    VALUE.replaceAll('/', '\\/'),
    'Zm9ybQ',
    Buffer.from(VALUE).toString('base64'),
  ]) {
    const got = through(Buffer.from(`<${form}>`), []);
    assert.ok(!got.includes(form.slice(0, 20)), form);
    assert.equal(got.length, form.length + 2);
  }
});

test('what cannot begin a value is given back at once', () => {
  const scrubber = new Scrubber(PATTERNS);
  assert.equal(scrubber.push(Buffer.from('data: {"x":1}\n\n')).toString(), 'data: {"x":1}\n\n');
  assert.equal(scrubber.push(Buffer.from('data: sk-re')).toString(), 'data: ');
  assert.equal(scrubber.push(Buffer.from('st\n')).toString(), 'sk-rest\n');
});

test('of two values that begin alike the longer is looked for first, and what takes a value’s place is as long as it', () => {
  const pattern = (find: string, put = '*'.repeat(find.length)) => ({ find: Buffer.from(find), put: Buffer.from(put) });
  const scrubber = new Scrubber([pattern('secret-one'), pattern('secret-one-and-more')]);
  const out = [scrubber.push(Buffer.from('<secret-one-and-more> <secret-one>')), scrubber.end()];
  assert.equal(Buffer.concat(out).toString(), `<${'*'.repeat(19)}> <${'*'.repeat(10)}>`);
  for (const [find, put] of [
    ['secret', 'short'],
    ['', ''],
  ] as const)
    assert.throws(() => new Scrubber([pattern(find, put)]), TypeError);
});

test('the caller’s own bytes are never changed', () => {
  const bytes = Buffer.from(VALUE);
  new Scrubber(PATTERNS).push(bytes);
  assert.equal(bytes.toString(), VALUE);
});

test('any bytes, cut anywhere: what comes out is what a search over the whole would give', () => {
  const piece = fc.oneof(
    fc.constant(VALUE),
    fc.nat(VALUE.length).map((length) => VALUE.slice(0, length)),
    fc.constantFrom('sk-', 'sk-sk-', 's', 'x'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(120), { maxLength: 8 }), (pieces, at) => {
      const text = pieces.join('');
      const cuts = at.map((one) => Math.min(one, text.length)).sort((a, b) => a - b);
      assert.equal(through(Buffer.from(text), cuts), text.replaceAll(VALUE, SHOWN));
    }),
    FUZZ,
  );
});

test('a name of a field, which comes in lower case, has no value in it that was in capitals', () => {
  const patterns = reflections([{ value: 'Key-ABCdef/1', shown: 'Key-000000/0' }]);
  assert.equal(scrubName('x-key-abcdef/1-y', patterns), 'x-************-y');
  assert.equal(scrubName('x-other', patterns), 'x-other');
});

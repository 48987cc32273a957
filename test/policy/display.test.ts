import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shown, shownArgv, shownJson, shownLine } from '../../src/policy/display.ts';

const SEED = 20261121;
/** Controls, bidirectional and zero-width characters, separators, tags, and halves of pairs; written apart from what is tested. */
const DRAWS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come out
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/u;
const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

const units = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 0xffff }),
    fc.integer({ min: 0, max: 0xa0 }),
    fc.integer({ min: 0x2000, max: 0x206f }),
    fc.constant(0x5c),
    fc.constant(0x75),
    fc.constant(0x7b),
  ),
  { maxLength: 40 },
);
const text = fc.oneof(
  units.map((codes) => String.fromCharCode(...codes)),
  fc
    .array(fc.constantFrom('\\u{1b}', '\\', 'u', '{', '1b', '}', '\u001b', '5c'), { maxLength: 12 })
    .map((parts) => parts.join('')),
);

function harmless(out: string): void {
  assert.doesNotMatch(out, DRAWS);
  assert.doesNotMatch(out, HALF);
}

test('nothing that is shown draws, whatever went in', () => {
  const check = fc.property(text, fc.array(text, { maxLength: 4 }), (one, many) => {
    harmless(shown(one));
    harmless(shownLine(one));
    harmless(shownArgv(many));
    harmless(shownJson({ [one]: many }));
  });
  fc.assert(check, { seed: SEED, numRuns: 5000 });
});

test('every code unit that draws is shown by its number', () => {
  for (let code = 0; code <= 0xffff; code++) {
    const out = shown(String.fromCharCode(code));
    if (DRAWS.test(String.fromCharCode(code))) assert.equal(out, `\\u{${code.toString(16)}}`);
  }
});

test('two different texts are never shown alike', () => {
  const back = (out: string): string =>
    out.replaceAll(/\\u\{([0-9a-f]+)\}/gu, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  fc.assert(
    fc.property(text, (one) => assert.equal(back(shown(one)), one)),
    { seed: SEED, numRuns: 5000 },
  );
});

test('words that people read stay as they are', () => {
  for (const plain of ['coder', 'Grüße', '日本語', 'naïve', '😀', 'a b', '"quoted"', 'C:\\users', '/a/b'])
    assert.equal(shown(plain), plain);
});

test('an argv can be read word by word', () => {
  assert.equal(
    shownArgv(['git', 'commit', '-m', 'two words', '', "it's", 'a\u00a0b', '$(x)']),
    "git commit -m 'two words' '' 'it'\\''s' 'a\u00a0b' '$(x)'",
  );
});

test('JSON that is shown is read back as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), text, (value, key) => {
      const document = { value, [`k${key}`]: key };
      for (const indent of [0, 2])
        assert.deepEqual(JSON.parse(shownJson(document, indent)), JSON.parse(JSON.stringify(document)));
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('a log line loses its colours and nothing else', () => {
  assert.equal(shownLine('\u001b[1;32mok\u001b[0m\tdone\r\n'), 'ok    done');
  assert.equal(shownLine('\u001b[2K\u001b[1A'), '\\u{1b}[2K\\u{1b}[1A');
});

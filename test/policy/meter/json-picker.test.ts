import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonPicker } from '../../../src/policy/meter/json-picker.ts';
import { random } from './random.ts';

type Told = [string, number | string];

function told(text: string | Buffer, cuts: readonly number[] = []): { told: Told[]; broken: boolean; whole: boolean } {
  const all: Told[] = [];
  const picker = new JsonPicker((path, value) => all.push([path, value]));
  const bytes = Buffer.from(text);
  for (const [i, to] of [...cuts, bytes.length].entries()) picker.push(bytes.subarray(cuts[i - 1] ?? 0, to));
  picker.end();
  return { told: all, broken: picker.broken, whole: picker.whole };
}

/** What JSON.parse makes of it, told in the same way; keys that stand twice are not compared. */
function expected(value: unknown, path: string[] = []): Told[] {
  if (path.length > 5) return [];
  if (typeof value === 'number' || typeof value === 'string')
    return Buffer.byteLength(JSON.stringify(value)) - 2 > 128 ? [] : [[path.join('.'), value]];
  if (Array.isArray(value)) return value.flatMap((one) => expected(one, [...path, '[]']));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, one]) => expected(one, [...path, key]));
}

test('numbers and strings are told with where they stand', () => {
  const text = '{"a": 1, "b": {"c": [2.5, {"d": "x"}, null, true], "e": -3e2}, "f\\u0067": "\\u00e9\\n\\"" }';
  assert.deepEqual(told(text).told, [
    ['a', 1],
    ['b.c.[]', 2.5],
    ['b.c.[].d', 'x'],
    ['b.e', -300],
    ['fg', 'é\n"'],
  ]);
  assert.deepEqual(told('7').told, [['', 7]]);
});

test('what stands in a string, deep down or under a long key is not told', () => {
  assert.deepEqual(
    told('{"text":"{\\"usage\\":{\\"output_tokens\\":9}}"}').told.map(([path]) => path),
    ['text'],
  );
  assert.deepEqual(told('{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}').told, []);
  assert.deepEqual(
    told(`{"${'k'.repeat(200)}":1,"a":"${'v'.repeat(200)}","b":2}`).told.map(([path]) => path),
    ['\u0000', 'b'],
  );
});

test('what is no JSON breaks it, and tells nothing from there on', () => {
  for (const text of [
    '{"a":1,}',
    '{a:1}',
    '[1 2]',
    '{"a" 1}',
    '}',
    '[}',
    '{"a":1}{"b":2}',
    '{"a":01}',
    '{"a":tru}',
    '[1,]',
    'x',
  ]) {
    const { broken, whole } = told(text);
    assert.ok(broken || !whole, text);
  }
  assert.ok(told('['.repeat(600)).broken, 'nothing is deeper than we keep account of');
});

test('cut anywhere it tells the same, and agrees with JSON.parse (seeded)', (t) => {
  const { seed, below, pick } = random();
  t.diagnostic(`seed ${seed}`);
  const value = (depth: number): unknown => {
    const kind = below(depth > 6 ? 4 : 7);
    if (kind === 0) return pick([0, 1, -1, 12345, 2.5e10, -0.125, 1e-7]);
    if (kind === 1) return pick(['', 'x', 'a"b\\c/\n', '\u20ac\u{1f600}', 'usage', '{"a":1}', 'é'.repeat(80)]);
    if (kind === 2) return pick([null, true, false]);
    if (kind === 3) return below(100_000);
    if (kind < 6)
      return Object.fromEntries(Array.from({ length: below(5) }, (_, i) => [`k${i}"\\é`, value(depth + 1)]));
    return Array.from({ length: below(5) }, () => value(depth + 1));
  };
  for (let round = 0; round < 3000; round++) {
    const one = value(0);
    const text = JSON.stringify(one, undefined, pick([undefined, 1]));
    const bytes = Buffer.from(text);
    const cuts = Array.from({ length: below(8) }, () => below(bytes.length + 1)).sort((a, b) => a - b);
    const whole = told(text);
    assert.ok(whole.whole, text);
    assert.deepEqual(whole.told, expected(one), text);
    assert.deepEqual(told(text, cuts), whole, text);
  }
});

test('any bytes at all are borne with, cut anywhere the same (seeded)', (t) => {
  const { seed, below, pick } = random();
  t.diagnostic(`seed ${seed}`);
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: below(60) }, () => pick([...'{}[]:,"\\ \n0123456789-+.eEtruefalsn\u0000é'])).join(
      '',
    );
    const bytes = Buffer.from(text);
    const cuts = Array.from({ length: below(6) }, () => below(bytes.length + 1)).sort((a, b) => a - b);
    const whole = told(text);
    assert.deepEqual(told(text, cuts), whole, JSON.stringify(text));
    let parsed = true;
    try {
      JSON.parse(text);
    } catch {
      parsed = false;
    }
    if (parsed) assert.ok(whole.whole, text);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeholder, shapeOf, whyNoSecret } from '../../src/policy/placeholder.ts';
import { secretLike } from '../../src/policy/secret-shapes.ts';

const KEY = Buffer.alloc(32, 7);
const made = (value: string, ...context: string[]): string => placeholder(KEY, context, shapeOf(value));

const VALUES = [
  `sk-ant-api03-${'Ab3-_x'.repeat(15)}AA`,
  'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
  'd41d8cd98f00b204e9800998ecf8427e',
  '0123456789',
  'AKIAIOSFODNN7EXAMPLE',
  'correct-horse',
];

test('a placeholder has the prefix, the length and the alphabet of the value, and is not the value', () => {
  for (const value of VALUES) {
    const { prefix, alphabet } = shapeOf(value);
    const stood = made(value, 'coder', 'KEY', 'name');
    assert.equal(stood.length, value.length);
    assert.ok(stood.startsWith(prefix), stood);
    assert.ok(
      [...stood.slice(prefix.length)].every((c) => alphabet.includes(c)),
      stood,
    );
    assert.notEqual(stood, value);
    assert.equal(whyNoSecret(stood), undefined);
  }
  assert.equal(secretLike('X', made(VALUES[0] ?? '')), 'holds an API key');
});

test('of a value without a known prefix nothing stands in its placeholder', () => {
  const value = 'hunter2-hunter2-hunter2';
  const stood = made(value, 'coder', 'KEY', 'name');
  for (let i = 0; i + 6 <= value.length; i++) assert.ok(!stood.includes(value.slice(i, i + 6)));
});

test('a placeholder is the same each time, and another for another agent, variable, secret or fleet key', () => {
  const value = VALUES[0] ?? '';
  assert.equal(made(value, 'coder', 'KEY', 'name'), made(value, 'coder', 'KEY', 'name'));
  const others = [
    made(value, 'clerk', 'KEY', 'name'),
    made(value, 'coder', 'KEY2', 'name'),
    made(value, 'coder', 'KEY', 'b'),
  ];
  others.push(
    placeholder(Buffer.alloc(32, 8), ['coder', 'KEY', 'name'], shapeOf(value)),
    made(value, 'coder', 'KEY', 'name'),
  );
  assert.equal(new Set(others).size, 5);
});

test('what could not stand in a header line, or not be told from text, is no secret', () => {
  for (const value of ['', 'short', 'two words', 'a line\nmore', 'ümlaut-ümlaut', 'x'.repeat(5000), 'nul\0nulnul'])
    assert.equal(typeof whyNoSecret(value), 'string', value.slice(0, 20));
});

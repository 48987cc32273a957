import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bounded } from '../../src/programs/gate/recorded.ts';
import { type Said, said } from '../../src/programs/gate/words.ts';
import { withQuestion } from './laid-out.ts';

function saidOf(words: readonly string[]): Promise<Said> {
  return withQuestion('/usr/bin/tool', words, (question) => said(question, 0));
}

test('words that cross the end of a page are recorded whole', async () => {
  assert.deepEqual(await saidOf(['git', 'status', '', 'x'.repeat(256)]), {
    path: '/usr/bin/tool',
    argv: ['git', 'status', '', 'x'.repeat(256)],
  });
});

test('what is cut says so: how many words there were, and how long those are of which only the beginning is here', async () => {
  const many = await saidOf(['tool', 'y'.repeat(1000), ...Array.from({ length: 60 }, (_, n) => String(n))]);
  assert.equal(many.argv.length, 32);
  assert.equal(many.argvWords, 62);
  assert.deepEqual(many.argvCut, { 1: 1000 });
  assert.equal(many.argv[1], 'y'.repeat(256));
});

const KEY = `sk-${'a1B2'.repeat(10)}`;

test('a key that is cut through is left out, though its beginning alone has no shape', async () => {
  const place = (at: number): string => `${'z'.repeat(at - 1)} ${KEY} and more`.padEnd(400, 'z');
  for (const at of [235, 250, 255]) {
    const { argv } = await saidOf(['tool', place(at)]);
    assert.equal(argv.length, 2);
    assert.doesNotMatch(argv.join(' '), /sk-/, `at ${at}`);
    const entry = bounded({ argv: ['tool', 'x'.repeat(16_000 - 256), place(at).padEnd(9000, 'z')] }) as Said;
    assert.doesNotMatch(entry.argv.join(' '), /sk-a/);
    assert.deepEqual(Object.keys(entry.argvCut ?? {}), ['2']);
  }
});

test('lists and texts are bounded by their bytes of JSON, and short ones are as they were', () => {
  const short = { event: 'exec.denied', path: '/x', argv: ['a', '\x01'.repeat(300)] };
  assert.equal(bounded(short), short);
  const long = bounded({ event: 'x', path: '"'.repeat(9000), argv: Array(40).fill('\x01'.repeat(256)) });
  assert.ok(JSON.stringify(long).length < 25_000);
  const { pathBytes, argvWords } = long as { pathBytes?: number; argvWords?: number };
  assert.deepEqual([pathBytes, argvWords], [9000, 40]);
});

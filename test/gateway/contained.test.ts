import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Compartment } from '../../src/programs/gateway/compartment.ts';
import { contained } from '../../src/programs/gateway/contained.ts';

test('what a handler throws, or its promise rejects with, ends what it serves, is told, and goes no further', async () => {
  const told: unknown[] = [];
  let ended = 0;
  const compartment = { broke: (bug: unknown) => void told.push(bug) } as unknown as Compartment;
  const contain = contained(compartment, undefined, () => {
    ended += 1;
  });
  contain((text: string) => {
    throw new Error(text);
  })('at once');
  contain(async (text: string) => {
    throw new Error(text);
  })('later');
  contain(() => {})();
  await new Promise(setImmediate);
  assert.deepEqual(
    told.map((bug) => (bug as Error).message),
    ['at once', 'later'],
  );
  assert.equal(ended, 2);
});

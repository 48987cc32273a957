import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { noneIsCaught, noneOutlives, type Trio, trio } from './trio.ts';
import { ATTACKS } from './trying.ts';

let three: Trio;
before(async () => {
  three = await trio('user');
});
after(() => three?.close());

// One with a workspace of its own is drilled whole, network and all, in test/e2e/drill.test.ts.
test('in tier user over a folder of the operator, every attack that it is to hold is held', async () => {
  assert.deepEqual(await three.notHeld('sharer'), []);
});

test('in tier user that runs what it builds, nothing runs but that', async () => {
  assert.deepEqual(await three.notHeld('builder', ({ wall }) => wall === 'exec'), []);
});

test('what tier user is said not to hold really succeeds there: nothing is left out of the drill without need', async () => {
  const held: string[] = [];
  for (const attack of ATTACKS.filter(({ tiers }) => !tiers.includes('user'))) {
    const { word, text } = await three.inside('plain', attack);
    if (word !== 'done') held.push(`${attack.id}: ${word} ${text}`);
  }
  assert.deepEqual(held, []);
});

test('in tier user none that starts can be caught before it is confined', () => noneIsCaught(three));

test('in tier user a process that left its session and forked twice ends with its compartment', () =>
  noneOutlives(three));

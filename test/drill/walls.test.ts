import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { attackOf, noneIsCaught, noneOutlives, type Trio, trio } from './trio.ts';

let three: Trio;
before(async () => {
  three = await trio('sandbox');
});
after(() => three?.close());

test('in a compartment with a workspace of its own every attack is held', async () => {
  assert.deepEqual(await three.notHeld('plain'), []);
});

test('in a compartment over a folder of the operator every attack is held', async () => {
  assert.deepEqual(await three.notHeld('sharer'), []);
});

test('in a compartment that runs what it builds every attack is held but those it was granted', async () => {
  assert.deepEqual(await three.notHeld('builder'), []);
  const { word, text } = await three.inside('builder', attackOf('d68-copied-program'), { noexec_dirs: '/workspace' });
  assert.equal(word, 'done', `the drill would not see an executable workspace: ${text}`);
});

test('while commands start in a loop, none can be caught before it is confined', () => noneIsCaught(three));

test('a process that left its session and forked twice ends with its compartment', () => noneOutlives(three));

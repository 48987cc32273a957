import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentFacts, Attack } from '../../src/drill/attack.ts';
import { ACCESS, FAMILIES } from '../../src/drill/list.ts';
import { heldBy, notWithoutRoot } from '../../src/drill/rootless.ts';

const ATTACKS: readonly Attack[] = FAMILIES.flatMap(({ attacks }) => attacks);
const agent = (rootless: boolean): AgentFacts => ({ rootless }) as AgentFacts;

test('with root nothing is left out, and every control has its own words', () => {
  for (const one of [...ATTACKS, ...ACCESS]) assert.equal(notWithoutRoot(one, agent(false)), undefined, one.id);
  for (const attack of ATTACKS) assert.equal(heldBy(attack, agent(false)), attack.control);
});

test('without root what was tried is never said to be held by root, another user or a cgroup', () => {
  const tried = ATTACKS.filter((attack) => notWithoutRoot(attack, agent(true)) === undefined);
  assert.ok(tried.length > 60, `${tried.length}`);
  for (const attack of tried) {
    const words = heldBy(attack, agent(true));
    assert.ok(words.length > 8, `${attack.id}: ${words}`);
    assert.doesNotMatch(
      words,
      /another (uid|principal)|of its cgroup|belongs? to (root|another)|uid of its own|root and operators/,
      attack.id,
    );
  }
});

test('what nothing bounds without root is named as not held', () => {
  const unheld = ATTACKS.filter((one) => notWithoutRoot(one, agent(true))?.startsWith('rootless does not hold it'));
  assert.deepEqual(unheld.map(({ id }) => id).sort(), [
    'c54-exhaust-inodes',
    'c54-exhaust-inodes-shared',
    'c54-exhaust-space',
    'c54-exhaust-space-shared',
    'd93-cpu',
    'd93-memory-bomb',
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentFacts, Attack } from '../../src/drill/attack.ts';
import { ACCESS, FAMILIES } from '../../src/drill/list.ts';
import { heldBy } from '../../src/drill/rootless.ts';
import { notInTierUser } from '../../src/drill/tier-user.ts';
import { notFor } from '../../src/drill/verdict.ts';

const ATTACKS: readonly Attack[] = FAMILIES.flatMap(({ attacks }) => attacks);
const agent = (tier: AgentFacts['tier'], ask = 'on-miss'): AgentFacts =>
  ({ tier, exec: { ask }, rootless: false }) as AgentFacts;

test('what is not tried in tier user is named one by one with its reason, and nothing else is left out', () => {
  for (const one of [...ATTACKS, ...ACCESS]) {
    const why = notInTierUser(one, agent('user'));
    assert.equal(one.tiers.includes('user'), why === undefined, one.id);
    if (why !== undefined) assert.match(why, /^tier user does not hold it: .{20}/);
    assert.equal(notInTierUser(one, agent('sandbox')), undefined);
  }
  const unheld = ATTACKS.filter((one) => notInTierUser(one, agent('user')) !== undefined).map(({ id }) => id);
  assert.deepEqual(unheld.sort(), [
    'c42-world-readable',
    'd87-pipe-elsewhere',
    'd87-socket-elsewhere',
    'd88-socket-names',
    'e105-host-locks',
    'f115-take-port',
  ]);
  const ungranted = ATTACKS.find(({ id }) => id === 'd69-ungranted-program') ?? assert.fail();
  assert.match(notFor(ungranted, agent('user', 'never')) ?? '', /every program of the host.*exec\.ask: never/);
  for (const tier of ['user', 'sandbox'] as const) assert.equal(notFor(ungranted, agent(tier)), undefined);
  for (const { id } of ACCESS) assert.equal(notInTierUser({ id }, agent('user')), undefined, id);
});

test('in tier user nothing is said to be held by a namespace that it does not have', () => {
  for (const attack of ATTACKS.filter(({ tiers }) => tiers.includes('user'))) {
    const words = heldBy(attack, agent('user'));
    assert.ok(words.length > 8, `${attack.id}: ${words}`);
    assert.doesNotMatch(
      words,
      /network namespace|(pid|process) namespace|pid and mount|no route|not in the compartment|address is local/,
      attack.id,
    );
    assert.equal(heldBy(attack, agent('sandbox')), attack.control);
  }
});

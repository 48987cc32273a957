import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { World } from './world.ts';

// What was judged and then held while a person is asked goes out under the policy of the moment at which it goes, or not at all.

const world = new World();
const asked: object[] = [];
const policy = (hosts: readonly string[], more: object = {}): Promise<unknown> =>
  world.warden.call('policy', {
    agents: [
      {
        ...{ name: 'coder', egress: [...hosts, 'allow.test:443'].map(at), grants: [] },
        ...{ budget: { requests: 1, ask: true }, budgetMs: 20_000, ...more },
      },
    ],
  });
const at = (text: string): object => ({ host: text.split(':')[0], port: Number(text.split(':')[1] ?? 80) });
const usedUp = async (): Promise<{ day: string }> => {
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as { usage: { day: string }[] };
  return usage[0] as { day: string };
};

/** Until a person is asked, and what waits for them is held. */
async function heldFor(): Promise<void> {
  for (const end = Date.now() + 20_000; asked.length === 0 && Date.now() < end; ) await sleep(20);
  assert.equal(asked.length, 1);
  await world.heeded();
}

before(async () => {
  await world.start({ 'allow.test': '203.0.113.10' });
  world.onQuestion = ({ id, do: what, terms }) => {
    if (what === 'budget.ask') asked.push(terms as object);
    world.warden.reply({ id, ok: what === 'budget.ask' ? { state: 'asked', id: 7 } : {} });
  };
  await policy(['allow.test']);
  await world.agent('coder');
});
after(() => world.stop());

test('a connection that is held while a person is asked is not made once its rule is gone', async () => {
  assert.equal((await world.curl('coder', 'http://allow.test/')).status, 0);
  const held = world.curl('coder', '-w', '%{http_code}', 'http://allow.test/');
  await heldFor();
  await policy(['other.test']);
  const { day } = await usedUp();
  await world.warden.call('allowances', { allowances: [{ id: 7, agent: 'coder', cap: 'requests', day, upTo: 6 }] });
  const { out } = await held;
  assert.ok(!out.includes('hello'), out);
  assert.equal(world.events('egress.allowed').length, 1);
});

test('a connection that is held under a grant is not made once that is revoked', async () => {
  const grant = { id: 5, host: 'allow.test', port: 80, once: false };
  await policy(['other.test'], { grants: [grant], budget: { requests: 1, ask: true } });
  asked.length = 0;
  await world.warden.call('allowances', { allowances: [] });
  const held = world.curl('coder', 'http://allow.test/');
  await heldFor();
  await world.warden.call('revoke', { agent: 'coder', grant: { id: 5, host: 'allow.test', port: 80 } });
  const { day } = await usedUp();
  await world.warden.call('allowances', { allowances: [{ id: 7, agent: 'coder', cap: 'requests', day, upTo: 6 }] });
  assert.ok(!(await held).out.includes('hello'));
  assert.equal(world.events('egress.allowed').length, 1);
});

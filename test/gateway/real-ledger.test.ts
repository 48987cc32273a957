import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dialLedger } from '../../src/wire/ledger-client.ts';
import { World } from './world.ts';

const world = new World();
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10' }, 'real');
  await world.policy({ coder: [{ host: 'allow.test', port: 443 }] });
  await world.agent('coder');
});
after(() => world.stop());

test('the real ledger takes what the gateway writes, and says who wrote it', async () => {
  assert.equal((await world.curl('coder', 'https://allow.test/')).out, 'hello from 203.0.113.10:443\n');
  await world.curl('coder', 'https://203.0.113.11/');
  await world.curl('coder', 'https://deny.test/');
  await world.curl('coder', '-x', 'http://bulkhead.internal:3128', 'https://deny.test:8443/');
  const ledger = await dialLedger(world.ledgerPath);
  let entries: readonly Record<string, unknown>[] = [];
  const closed = (): boolean => entries.some(({ event }) => event === 'egress.closed'); // what nobody waits for comes last
  for (const end = Date.now() + 20_000; !closed() && Date.now() < end; await sleep(50))
    ({ entries } = (await ledger.client.call('read', { agent: 'coder' })) as { entries: Record<string, unknown>[] });
  ledger.close();
  assert.deepEqual(new Set(entries.map(({ by }) => by)), new Set(['gateway']));
  const seen = entries.map(({ event, host, name, port }) => [event, host ?? name, port].join(' ').trim());
  for (const expected of [
    'egress.allowed allow.test 443',
    'egress.closed allow.test 443',
    'egress.denied 203.0.113.11 443',
    'dns.refused deny.test',
    'egress.denied deny.test 8443',
  ])
    assert.ok(seen.includes(expected), `${expected} is not in ${seen}`);
});

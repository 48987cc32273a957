import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Failure } from '../../src/model/failure.ts';
import { World } from './world.ts';

const world = new World();
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'deny.test': '203.0.113.11' });
  await world.policy({ coder: [80, 443, 7000].map((port) => ({ host: 'allow.test', port })) });
  await world.agent('coder');
});
after(() => world.stop());

/** Every way out, each of which works while the ledger does. @param least  so many servers are waited for */
async function reached(least: number): Promise<number> {
  const before = world.seen.length;
  await world.curl('coder', 'http://allow.test/');
  await world.curl('coder', 'https://allow.test/');
  await world.curl('coder', '-x', 'http://bulkhead.internal:3128', 'https://allow.test/');
  await world.curl('coder', '-x', 'socks5h://bulkhead.internal:1080', 'http://allow.test/');
  return world.counted(() => world.seen.length - before, least);
}

test('with a ledger all ways lead out', async () => {
  assert.equal(await reached(4), 4);
});

test('without a ledger nothing is reached, and the agent is told', async () => {
  await world.stopLedger();
  assert.equal(await reached(0), 0);
  assert.match((await world.curl('coder', 'http://allow.test/')).out, /the record cannot be written/);
  await world.startLedger();
  // It is tried again after a while.
  for (const end = Date.now() + 20_000; Date.now() < end; )
    if (/hello/.test((await world.curl('coder', 'http://allow.test/')).out)) break;
  await world.counted(() => world.seen.length, world.events('egress.allowed').length);
  assert.equal(await reached(4), 4);
});

test('with a ledger that refuses nothing is reached', async () => {
  world.ledgerRefuses = new Failure('record-failed', 'the disk is full', 'make room', 1);
  assert.equal(await reached(0), 0);
  world.ledgerRefuses = undefined;
  assert.equal(await reached(4), 4);
});

test('what is refused at the address of the probes is judged like the rest, and is all that is not recorded', async () => {
  const { out } = await world.curl('coder', 'http://192.0.2.254/');
  assert.match(out, /no rule grants the address 192\.0\.2\.254/);
  await world.curl('coder', 'http://192.0.2.253/');
  await world.recorded('egress.denied', (one) => one.host === '192.0.2.253');
  assert.equal(world.entries.filter((one) => one.host === '192.0.2.254').length, 0);
  await world.policy({
    coder: [
      { host: '192.0.2.254', port: 80, address: '203.0.113.10' },
      { host: 'allow.test', port: 80 },
    ],
  });
  await world.curl('coder', 'http://192.0.2.254/');
  await world.recorded('egress.allowed', (one) => one.host === '192.0.2.254');
  await world.policy({ coder: [80, 443, 7000].map((port) => ({ host: 'allow.test', port })) });
});

test('what was refused while the ledger was away is written when it is back', async () => {
  await world.stopLedger();
  for (let i = 0; i < 3; i++) await world.curl('coder', 'http://203.0.113.11:81/');
  await world.startLedger();
  const entry = await world.recorded('egress.denied', (one) => one.port === 81);
  assert.equal(entry.count, 3);
});

test('what was allowed is written before the server hears anything, at the strength it needs', async () => {
  await world.curl('coder', 'http://203.0.113.11:82/');
  const strengths = (event: string): unknown[] => [...new Set(world.events(event).map((entry) => entry.strength))];
  assert.deepEqual(strengths('egress.allowed'), ['accepted']);
  assert.deepEqual(strengths('egress.denied'), ['acknowledged']);
});

test('each connection that was allowed is closed in the record once', async () => {
  const allowed = world.events('egress.allowed').length;
  assert.equal(await world.counted(() => world.events('egress.closed').length, allowed), allowed);
  const { agents } = (await world.warden.call('status')) as { agents: { open: number; allowed: number }[] };
  assert.equal(agents[0]?.open, 0);
});

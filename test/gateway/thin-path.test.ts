import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { World } from './world.ts';

const world = new World();
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'deny.test': '203.0.113.11' });
  await world.policy({
    coder: [
      { host: 'allow.test', port: 443 },
      { host: 'allow.test', port: 80 },
    ],
  });
  await world.agent('coder');
});
after(async () => {
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});

test('an allowed host is reached over TLS by name, and both ends of it are on record', async () => {
  const { out, err } = await world.curl('coder', 'https://allow.test/x');
  assert.equal(out, 'hello from 203.0.113.10:443\n', err);
  const closed = await world.recorded('egress.closed', (entry) => entry.port === 443);
  assert.ok((closed.up as number) > 300 && (closed.down as number) > 300, JSON.stringify(closed));
  assert.equal(closed.address, '203.0.113.10');
  assert.deepEqual(
    world.entries.map((entry) => entry.event),
    ['egress.allowed', 'egress.closed'],
  );
});

test('a name that no rule grants does not resolve, and that is on record', async () => {
  const { status, err } = await world.curl('coder', 'https://deny.test/');
  assert.equal(status, 6, err);
  await world.recorded('dns.refused', (entry) => entry.name === 'deny.test');
});

test('an address that no rule grants gets a TLS alert, and is on record', async () => {
  const { status, err } = await world.curl('coder', 'https://203.0.113.11/');
  assert.equal(status, 35);
  assert.match(err, /access denied/);
  await world.recorded('egress.denied', (entry) => entry.host === '203.0.113.11');
});

test('plain HTTP passes, and a refused one is told why', async () => {
  assert.equal((await world.curl('coder', 'http://allow.test/')).out, 'hello from 203.0.113.10:80\n');
  const { out } = await world.curl('coder', 'http://203.0.113.11/');
  assert.equal(JSON.parse(out).denied, '203.0.113.11:80');
});

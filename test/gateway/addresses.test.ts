import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { firstOutput } from '../e2e/first-output.ts';
import { World } from './world.ts';

const world = new World();
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10' });
  await world.policy({
    coder: [
      { host: 'allow.test', port: 80 },
      { host: 'pinned.test', port: 80, address: '203.0.113.11' },
      { host: 'local.test', port: 7777, address: '127.0.0.1' },
      { host: 'missing.test', port: 80 },
    ],
  });
  await world.agent('coder');
});
after(() => world.stop());

const get = async (host: string): Promise<string> => (await world.curl('coder', `http://${host}/`)).out;

test('a name that is rebound inwards is refused each time, by what it resolves to now', async () => {
  const inward = [
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.1',
    '172.16.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '::1',
    'fd00:ec2::254',
    'fe80::1',
    '::ffff:127.0.0.1',
    '198.18.0.1',
  ];
  for (const address of inward) {
    world.hosts({ 'allow.test': address });
    assert.match(await get('allow.test'), /allow\.test resolves to .*, which is /, address);
  }
  world.hosts({ 'allow.test': '203.0.113.10' });
  assert.equal(await get('allow.test'), 'hello from 203.0.113.10:80\n');
  await world.recorded('egress.denied', (entry) =>
    /169\.254\.169\.254, which is a metadata service/.test(String(entry.why)),
  );
});

test('one inward address among others refuses them all', async () => {
  world.hosts({ 'allow.test': '203.0.113.10 10.0.0.1' });
  assert.match(await get('allow.test'), /which is private/);
  world.hosts({ 'allow.test': '203.0.113.10' });
});

test('a pinned address is dialled and its name never resolved', async () => {
  world.hosts({ 'allow.test': '203.0.113.10', 'pinned.test': '203.0.113.10' });
  assert.equal(await get('pinned.test'), 'hello from 203.0.113.11:80\n');
  assert.ok(!world.asked.includes('pinned.test'));
  const allowed = await world.recorded('egress.allowed', (entry) => entry.host === 'pinned.test');
  assert.equal(allowed.address, '203.0.113.11');
});

test('a pinned address may lead to a local service, which no other name does', async () => {
  const server = `from http.server import *
class H(BaseHTTPRequestHandler):
  def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(b'local service')
  def log_message(*a): pass
server=HTTPServer(('127.0.0.1',7777),H)
print('ready\\n',end='',flush=True)
server.serve_forever()`;
  assert.equal(await firstOutput(world.outsideBackground(['/usr/bin/python3', '-c', server])), 'ready\n');
  assert.equal((await world.curl('coder', 'http://local.test:7777/')).out, 'local service');
});

test('a name that resolves to nothing is allowed, not reached, and said so', async () => {
  assert.match(await get('missing.test'), /not reached: ENOTFOUND/);
  const closed = await world.recorded('egress.closed', (entry) => entry.host === 'missing.test');
  assert.deepEqual([closed.up, closed.down], [0, 0]);
  assert.ok(world.asked.includes('missing.test'), 'the outside resolver was asked');
});

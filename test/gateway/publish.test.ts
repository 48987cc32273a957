import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { firstOutput } from '../e2e/first-output.ts';
import { World } from './world.ts';

const world = new World();
before(async () => {
  await world.start({});
  await world.policy({ coder: [], other: [] });
  await world.agent('coder');
  await world.agent('other');
  const inside = world.background('coder', [
    '/usr/bin/python3',
    '-c',
    `
from http.server import *
class H(BaseHTTPRequestHandler):
  def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(b'from inside\\n'*2000)
  def log_message(*a): pass
server=HTTPServer(('127.0.0.1',18789),H)
print('ready\\n',end='',flush=True)
server.serve_forever()`,
  ]);
  assert.equal(await firstOutput(inside), 'ready\n');
});
after(() => world.stop());

const fetch = (port: number): ReturnType<World['run']> =>
  world.outsideRun(['curl', '-sS', '-m', '30', `http://127.0.0.1:${port}/`]);

test('a published port leads to the loopback of the compartment', async () => {
  assert.equal((await fetch(18789)).status, 7);
  await world.warden.call('publish', { agent: 'coder', port: 18789 });
  const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(18789)));
  for (const { out, err } of answers) assert.equal(out.length, 24_000, err);
});

test('it is on the loopback only', async () => {
  const { status } = await world.outsideRun(['curl', '-sS', '-m', '30', 'http://203.0.113.10:18789/']);
  assert.equal(status, 7);
});

test('a port where nothing listens inside is a closed door', async () => {
  await world.warden.call('publish', { agent: 'coder', port: 18790 });
  assert.notEqual((await fetch(18790)).status, 0);
});

test('an occupied port is said to be occupied', async () => {
  await assert.rejects(world.warden.call('publish', { agent: 'other', port: 18789 }), { code: 'port-occupied' });
  const listens = `import socket,time
s=socket.socket(); s.bind(('127.0.0.1',18791)); s.listen(); print('taken\\n',end='',flush=True); time.sleep(600)`;
  const other = world.outsideBackground(['/usr/bin/python3', '-c', listens]);
  assert.equal(await firstOutput(other), 'taken\n');
  await assert.rejects(world.warden.call('publish', { agent: 'coder', port: 18791 }), { code: 'port-occupied' });
  other.kill('SIGKILL');
});

test('a port that only root may listen on is said to be that, and the gateway serves on', async () => {
  await assert.rejects(world.warden.call('publish', { agent: 'coder', port: 81 }), { code: 'port-privileged' });
  assert.deepEqual(Object.keys((await world.warden.call('status')) as object), ['agents']);
});

test('an unpublished port is closed', async () => {
  await world.warden.call('unpublish', { agent: 'coder', port: 18789 });
  assert.equal((await fetch(18789)).status, 7);
  await world.warden.call('publish', { agent: 'coder', port: 18789 });
  await world.warden.call('forget', { agent: 'coder', names: true });
  assert.equal((await fetch(18789)).status, 7);
});

test('descriptors and replies do not get mixed up when they cross', async () => {
  await world.listen('coder');
  await world.warden.call('publish', { agent: 'coder', port: 18789 });
  for (let round = 0; round < 5; round++) {
    const fetched = Array.from({ length: 4 }, () => fetch(18789));
    const listened = [world.listen('other'), world.listen('coder')];
    await Promise.allSettled(listened);
    for (const { out } of await Promise.all(fetched)) assert.equal(out.length, 24_000);
  }
  assert.match((await world.curl('other', 'http://bulkhead.internal/')).out, /You are other/);
  assert.match((await world.curl('coder', 'http://bulkhead.internal/')).out, /You are coder/);
});

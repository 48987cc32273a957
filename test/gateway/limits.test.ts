import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { agentName } from '../../src/model/names.ts';
import { LIMITS } from '../../src/programs/gateway/limits.ts';
import { SyntheticNames, syntheticAddresses, syntheticNumber } from '../../src/programs/gateway/names/names.ts';
import { Pace } from '../../src/programs/gateway/passages/pace.ts';
import { firstOutput } from '../e2e/first-output.ts';
import { World } from './world.ts';

const world = new World();
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10' });
  await world.policy({ coder: [{ host: 'allow.test', port: 7000 }], other: [{ host: 'allow.test', port: 80 }] });
  await world.agent('coder');
  await world.agent('other');
});
after(() => world.stop());

test('an agent that takes all its connections gets no more, and takes nothing from another', async () => {
  const code = `import socket,time
held=[]
for i in range(${LIMITS.connections + 60}):
  try: held.append(socket.create_connection(('allow.test',7000),timeout=30))
  except OSError: pass
ok=0
for s in held:
  s.settimeout(30)
  try:
    s.sendall(b'\\x00x'); ok+=(s.recv(9)==b'\\x00x')
  except OSError: pass
print(ok,flush=True); time.sleep(600)`;
  const child = world.background('coder', ['/usr/bin/python3', '-c', code]);
  assert.equal(Number(await firstOutput(child)), LIMITS.connections);
  await world.recorded('egress.denied', (entry) => /too many connections/.test(String(entry.why)));
  assert.equal((await world.curl('other', 'http://allow.test/')).out, 'hello from 203.0.113.10:80\n');
  child.kill();
  const again = async (): Promise<string> =>
    (await world.raw('coder', 'bulkhead.internal', 80, 'GET / HTTP/1.1\r\nHost: bulkhead.internal\r\n\r\n')).toString();
  let answer = await again();
  for (const end = Date.now() + 20_000; !/200 OK/.test(answer) && Date.now() < end; ) answer = await again();
  assert.match(answer, /200 OK/);
});

test('a refusal of a thousand connections is counted to the last one', async () => {
  const before = denied(9999);
  const code = `
for i in range(1000):
  try: s=socket.create_connection(('203.0.113.10',9999),timeout=30); s.sendall(b'\\x00'); s.close()
  except OSError: pass`;
  await world.python('other', code);
  assert.equal(await world.counted(() => denied(9999) - before, 1000), 1000);
});

function denied(port: number): number {
  return world
    .events('egress.denied')
    .filter((entry) => entry.port === port)
    .reduce((sum, entry) => sum + Number(entry.count ?? 1), 0);
}

test('names with addresses are limited, kept, and a torn line is no name', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bhgw-names-'));
  try {
    const agent = agentName('coder');
    const names = new SyntheticNames(dir, agent, 3);
    assert.deepEqual(
      ['a.test', 'b.test', 'a.test', 'c.test', 'd.test'].map((name) => names.numberOf(name)),
      [16, 17, 16, 18, undefined],
    );
    assert.equal(new SyntheticNames(dir, agent, 3).nameOf(17), 'b.test');
    writeFileSync(join(dir, 'coder.names'), 'a.test\nb.te');
    const torn = new SyntheticNames(dir, agent, 3);
    assert.equal(torn.nameOf(17), undefined);
    assert.equal(torn.numberOf('c.test'), 17);
    assert.equal(new SyntheticNames(dir, agent, 3).nameOf(17), 'c.test');
    assert.equal(torn.nameOf(1), 'bulkhead.internal');
  } finally {
    removeTree(dir);
  }
});

test('a number and its addresses belong together', () => {
  for (const number of [1, 16, 255, 256, 65_535, 65_536, 131_071]) {
    const { v4, v6 } = syntheticAddresses(number);
    assert.deepEqual([syntheticNumber(v4), syntheticNumber(v6)], [number, number]);
  }
});

test('UDP, ICMP and the listener itself lead nowhere', async () => {
  const code = `
def udp(a,p):
  s=socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(0.5)
  try: s.connect((a,p)); s.send(b'x'); s.recv(9); return 'answered'
  except OSError as e: return type(e).__name__
print(udp('203.0.113.10',443),udp('2001:db8::1',443),udp('203.0.113.10',5353))
def tcp(a,p,b=None):
  try: s=socket.create_connection((a,p),timeout=0.7,source_address=b); s.sendall(b'\\x00'); return s.recv(9) or 'closed'
  except OSError as e: return type(e).__name__
print(tcp('127.0.0.1',1001),tcp('::1',1001),tcp('203.0.113.7',40000,('203.0.113.7',40000)))
for k in (socket.SOCK_DGRAM,socket.SOCK_RAW):
  try: socket.socket(socket.AF_INET,k,1); print('icmp')
  except OSError as e: print(type(e).__name__)
for a in (('127.0.0.1',53),('203.0.113.9',1001)):
  try: s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(a); print('bound')
  except OSError as e: print(type(e).__name__)`;
  const { out } = await world.python('coder', code);
  assert.deepEqual(out.trim().split('\n'), [
    'PermissionError PermissionError PermissionError',
    'ConnectionRefusedError ConnectionRefusedError TimeoutError',
    'PermissionError',
    'PermissionError',
    'PermissionError',
    'PermissionError',
  ]);
});

test('a burst of connections is borne, a flood waits for its turn', () => {
  const pace = new Pace(100);
  const waits = Array.from({ length: 150 }, () => pace.turn(5000));
  assert.equal(waits.filter((wait) => wait === 0).length, 100);
  assert.ok(Math.abs((waits.at(-1) ?? 0) - 500) < 1);
  assert.equal(pace.turn(6000), 0);
});

test('a link-local address, which has a zone, is refused like any other', async () => {
  const code = `
s=socket.socket(socket.AF_INET6); s.settimeout(30)
try: s.connect(('fe80::7',80,0,1)); s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); print(s.recv(12))
except OSError as e: print(type(e).__name__)`;
  assert.equal((await world.python('coder', code)).out.trim(), "b'HTTP/1.1 403'");
  await world.recorded('egress.denied', (entry) => entry.host === 'fe80::7');
});

test("the agent's own loopback is its own", async () => {
  const code = `import threading
d=socket.socket(); d.bind(('0.0.0.0',8443)); d.listen()
threading.Thread(target=lambda: d.accept()[0].sendall(b'mine'),daemon=True).start()
print(socket.create_connection(('127.0.0.1',8443),timeout=30).recv(9))`;
  assert.equal((await world.python('coder', code)).out.trim(), "b'mine'");
});

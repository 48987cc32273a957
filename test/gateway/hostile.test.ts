import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { realHello } from '../protocol/real-hello.ts';
import { World } from './world.ts';

const SEED = Number(process.env.BULKHEAD_FUZZ_SEED ?? 20261001);
const world = new World();
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'deny.test': '203.0.113.11' });
  await world.policy({ coder: [443, 80, 7000, 2525, 8080, 8444].map((port) => ({ host: 'allow.test', port })) });
  await world.agent('coder');
});
after(() => world.stop());

test(`600 connections of mangled bytes in any shape end nothing and reach nothing (seed ${SEED})`, async () => {
  const hello = (await realHello('allow.test')).toString('hex');
  const other = (await realHello('deny.test')).toString('hex');
  const code = `
import random,threading
R=random.Random(${SEED})
seeds=[bytes.fromhex('${hello}'),bytes.fromhex('${other}'),b'GET / HTTP/1.1\\r\\nHost: allow.test\\r\\n\\r\\n',
 b'POST / HTTP/1.1\\r\\nHost: allow.test\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n0\\r\\n\\r\\n',
 b'CONNECT allow.test:443 HTTP/1.1\\r\\nHost: allow.test:443\\r\\n\\r\\n', b'CONNECT deny.test:443 HTTP/1.1\\r\\n\\r\\n',
 b'GET http://allow.test/ HTTP/1.1\\r\\nHost: allow.test\\r\\n\\r\\n', b'\\x05\\x01\\x00\\x05\\x01\\x00\\x03\\x0aallow.test\\x01\\xbb',
 b'\\x05\\x01\\x00\\x05\\x01\\x00\\x03\\x09deny.test\\x01\\xbb', b'\\x00\\x1c\\x124\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x05allow\\x04test\\x00\\x00\\x01\\x00\\x01', b'']
doors=[('allow.test',p) for p in (443,80,7000,2525,8080,8444)]+[('bulkhead.internal',p) for p in (80,3128,1080,53,22)]+[('203.0.113.11',443),('2001:db8::1',80)]
def mangled(r):
  b=bytearray(b''.join(r.choice(seeds) for _ in range(r.choice([1,1,1,2,3]))))
  for _ in range(r.choice([0,0,1,2,8])):
    if b: b[r.randrange(len(b))]=r.randrange(256)
  if r.random()<.3 and b: del b[r.randrange(len(b)):]
  if r.random()<.1: b+=r.randbytes(r.randrange(3000))
  return bytes(b)
def one(seed):
  r=random.Random(seed)
  try:
    s=socket.create_connection(r.choice(doors),timeout=1); b=mangled(r)
    while b:
      n=r.choice([1,7,100,5000]); s.sendall(b[:n]); b=b[n:]
      if r.random()<.05: time.sleep(.02)
    if r.random()<.5: s.shutdown(socket.SHUT_WR)
    if r.random()<.2: s.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,b'\\x01\\0\\0\\0\\0\\0\\0\\0')
    elif r.random()<.7: s.settimeout(.3); s.recv(9999); s.recv(9999)
    s.close()
  except OSError: pass
def many(k):
  for i in range(40): one(${SEED}*1000+k*40+i)
ts=[threading.Thread(target=many,args=(k,)) for k in range(15)]
[t.start() for t in ts]; [t.join() for t in ts]; print('done')`;
  const { out, err } = await world.python('coder', code);
  assert.equal(out.trim(), 'done', err);
  assert.equal(world.gateway.exitCode, null, world.log.join(''));
  assert.equal((await world.curl('coder', 'https://allow.test/')).out, 'hello from 203.0.113.10:443\n');
  assert.ok(!world.seen.some(({ address }) => address === '203.0.113.11'), 'a host that is not allowed was reached');
  assert.deepEqual(world.log, []);
  assert.ok(world.seen.length > 0, 'too little of it was worth anything');
});

/** What was allowed more often than closed. */
function unclosed(): string {
  const sums = new Map<string, number>();
  for (const { event, port, via } of world.entries) {
    const one = `${via ?? ''}`;
    if (event === 'egress.allowed') sums.set(`${port} ${one}`, (sums.get(`${port} ${one}`) ?? 0) + 1);
    if (event === 'egress.closed') sums.set(`${port} closed`, (sums.get(`${port} closed`) ?? 0) + 1);
  }
  return JSON.stringify([...sums]);
}

test('nothing of it stays open', async () => {
  for (let i = 0; i < 240; i++) {
    const { agents } = (await world.warden.call('status')) as { agents: { open: number }[] };
    if (agents[0]?.open === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const { agents } = (await world.warden.call('status')) as { agents: { open: number; allowed: number }[] };
  assert.equal(agents[0]?.open, 0, unclosed());
  const without = (one: Readonly<Record<string, unknown>>): boolean =>
    one.why !== 'nothing was sent' || one.address !== undefined;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(world.events('egress.closed').filter(without).length <= world.events('egress.allowed').length);
  assert.equal(world.events('egress.allowed').length, agents[0]?.allowed);
});

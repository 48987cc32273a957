import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Entry, World } from './world.ts';

const world = new World();
const RULES = [
  { host: 'allow.test', port: 443 },
  { host: '*.wild.test', port: 443 },
];
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'deny.test': '203.0.113.11', 'a.wild.test': '203.0.113.10' });
  await world.policy({ coder: RULES, other: [{ host: 'other.test', port: 443 }] });
  await world.agent('coder');
  await world.agent('other');
});
after(() => world.stop());

/** IPv4 addresses of names, as the C library finds them, one per line. */
async function addresses(agent: string, ...names: readonly string[]): Promise<string[]> {
  const { out } = await world.python(
    agent,
    `for n in ${JSON.stringify(names)}:
  try: print(socket.gethostbyname(n))
  except OSError as e: print('none')`,
  );
  return out.trim().split('\n');
}

test('granted names have an address of their own, others have none', async () => {
  const names = [
    'allow.test',
    'ALLOW.test',
    'x.wild.test',
    'y.wild.test',
    'deny.test',
    'wild.test',
    'evilallow.test',
    'allow.test.deny.test',
  ];
  const [allow, upper, x, y, ...none] = await addresses('coder', ...names);
  assert.match(allow ?? '', /^198\.18\.0\.\d+$/);
  assert.equal(upper, allow);
  assert.equal(new Set([allow, x, y]).size, 3);
  assert.deepEqual(none, ['none', 'none', 'none', 'none']);
  await world.recorded('dns.refused', (entry) => entry.name === 'wild.test');
});

test('IPv6 addresses are given as well, and lead to the same name', async () => {
  const { out, err } = await world.curl('coder', '-6', 'https://allow.test/');
  assert.equal(out, 'hello from 203.0.113.10:443\n', err);
});

test('whatever server is asked, over UDP or TCP, the answer comes from it', async () => {
  const code = `
q=bytes.fromhex('123401000001000000000000')+b'\\x05allow\\x04test\\x00\\x00\\x01\\x00\\x01'
for a in ['203.0.113.53','2001:db8::53','127.0.0.1','198.18.0.1']:
  s=socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(30)
  s.sendto(q,(a,53)); d,f=s.recvfrom(600); print(f[0], d[3]&15, d[-4:-2].hex())
for a in ['203.0.113.53','198.18.0.1']:
  s=socket.create_connection((a,53),timeout=30); s.sendall(len(q).to_bytes(2,'big')+q+len(q).to_bytes(2,'big')+q)
  d=b''
  while len(d)<2*(2+len(q)+16): d+=s.recv(600)
  print(a, d[5]&15, d[len(q)+14:len(q)+16].hex())`;
  const { out, err } = await world.python('coder', code);
  assert.equal(err, '');
  assert.deepEqual(out.trim().split('\n'), [
    '203.0.113.53 0 c612',
    '2001:db8::53 0 c612',
    '127.0.0.1 0 c612',
    '198.18.0.1 0 c612',
    '203.0.113.53 0 c612',
    '198.18.0.1 0 c612',
  ]);
});

test('other questions about a granted name have no answer, and are no error', async () => {
  const code = `const {Resolver}=require('dns').promises; const r=new Resolver({timeout:30000,tries:1}); r.setServers(['203.0.113.53']);
(async()=>{ for (const [n,t] of [['allow.test','TXT'],['allow.test','MX'],['deny.test','TXT'],['deny.test','A']]) await r.resolve(n,t).then(v=>console.log(t,v),e=>console.log(n,t,e.code)); })()`;
  const { out } = await world.run('coder', [process.execPath, '-e', code]);
  assert.deepEqual(out.trim().split('\n'), [
    'allow.test TXT ENODATA',
    'allow.test MX ENODATA',
    'deny.test TXT EREFUSED',
    'deny.test A EREFUSED',
  ]);
});

test('nothing that is asked inside is asked outside', async () => {
  await addresses('coder', 'c2VjcmV0.deny.test', 'c2VjcmV0.wild.test');
  await world.recorded('dns.refused', (entry) => entry.name === 'c2vjcmv0.deny.test');
  assert.deepEqual(world.asked, []);
});

test('hostile packets are survived', async () => {
  const code = `
import random
random.seed(7)
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
q=bytes.fromhex('123401000001000000000000')+b'\\x05allow\\x04test\\x00\\x00\\x01\\x00\\x01'
for i in range(600):
  b=bytearray(q if i%2 else random.randbytes(random.randrange(0,600)))
  for _ in range(3):
    if b: b[random.randrange(len(b))]=random.randrange(256)
  s.sendto(bytes(b),('203.0.113.53',53))`;
  assert.equal((await world.python('coder', code)).err, '');
  assert.match((await addresses('coder', 'allow.test'))[0] ?? '', /^198\.18/);
  assert.equal(world.gateway.exitCode, null);
});

test('an address keeps its name over a restart of the gateway, and never gets a second', async () => {
  const [first] = await addresses('coder', 'a.wild.test');
  await world.stopGateway();
  world.startGateway();
  await world.policy({ coder: RULES, other: [{ host: 'other.test', port: 443 }] });
  await world.listen('coder');
  await world.listen('other');
  const reached = await world.curl('coder', '--resolve', `a.wild.test:443:${first}`, 'https://a.wild.test/');
  assert.equal(reached.out, 'hello from 203.0.113.10:443\n', reached.err);
  const [fresh, again] = await addresses('coder', 'fresh.wild.test', 'a.wild.test');
  assert.equal(again, first);
  assert.notEqual(fresh, first);
});

test('a synthetic address stands for nothing in another compartment', async () => {
  const [mine] = await addresses('coder', 'fresh.wild.test');
  const { err } = await world.curl('other', `https://${mine}/`);
  assert.match(err, /access denied/);
  await world.recorded('egress.denied', (entry) => entry.agent === 'other' && entry.host === mine);
});

test('when the compartment is gone its addresses are free again', async () => {
  await world.warden.call('forget', { agent: 'coder', names: true });
  await world.listen('coder');
  const [first] = await addresses('coder', 'newcomer.wild.test');
  assert.equal(first, '198.18.0.16');
});

test('a flood of refused names is answered, and counted to the last one', async () => {
  const before = refusals();
  const code = `
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(30); n=0; s.setsockopt(socket.SOL_SOCKET,socket.SO_RCVBUF,4000000)
for i in range(700):
  s.sendto(bytes.fromhex('123401000001000000000000')+b'\\x06'+(b'%06d'%i)+b'\\x04deny\\x04test\\x00\\x00\\x01\\x00\\x01',('203.0.113.53',53))
  if i%50!=49: continue
  try:
    while n<=i:
      d=s.recv(600); n+=(d[3]&15)==5
  except OSError: break
print(n)`;
  const { out } = await world.python('other', code);
  assert.equal(out.trim(), '700', 'were answered');
  assert.equal(await world.counted(() => refusals() - before, 700), 700);
  assert.ok(world.events('dns.refused').length < 600, 'each was written by itself');
});

function refusals(): number {
  return world.events('dns.refused').reduce((sum, entry) => sum + Number(entry.count ?? 1), 0);
}

test('a name that is asked for again at once is two entries: the first question, and the others with their number', async () => {
  // Who is stopped between two questions asks some of them later than at once.
  for (let round = 0; round < 5; round++) {
    const name = `again${round}.deny.test`;
    const code = `
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(30)
for t in (1, 28, 28, 16, 1):
  s.sendto(bytes.fromhex('123401000001000000000000')+b'\\x06AGAIN${round}\\x04deny\\x04test\\x00\\x00'+bytes([t])+b'\\x00\\x01',('203.0.113.53',53))
for t in range(5): s.recv(600)`;
    assert.equal((await world.python('other', code)).err, '');
    const entries = (): Entry[] => world.events('dns.refused').filter((one) => one.name === name);
    const questions = (): number => entries().reduce((sum, { count }) => sum + Number(count ?? 1), 0);
    assert.equal(await world.counted(questions, 5), 5);
    const same = { event: 'dns.refused', agent: 'other', name, why: `no rule grants ${name}` };
    const told = entries().map((entry) => ({ ...entry, strength: undefined }));
    assert.deepEqual(told[0], { ...same, type: 1, strength: undefined });
    if (told.length > 2 && round < 4) continue;
    assert.deepEqual(told.slice(1), [{ ...same, types: [1, 16, 28], count: 4, strength: undefined }]);
    return;
  }
});

test('what was only counted is written before a compartment is let go', async () => {
  await addresses('other', 'last.deny.test', 'last.deny.test');
  await world.warden.call('forget', { agent: 'other', names: false });
  const counts = world
    .events('dns.refused')
    .filter(({ name }) => name === 'last.deny.test')
    .map(({ count }) => count ?? 1);
  assert.ok(counts.length === 2 && Number(counts[1]) >= 1, `${counts}`);
  await world.listen('other');
});

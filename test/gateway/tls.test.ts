import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { realHello, withExtension } from '../protocol/real-hello.ts';
import { World } from './world.ts';

const world = new World();
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 49]);
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'deny.test': '203.0.113.11' });
  await world.policy({
    coder: [
      ...[443, 80, 8443, 8444, 7000, 2525, 8080].map((port) => ({ host: 'allow.test', port })),
      { host: '203.0.113.11', port: 443 },
    ],
  });
  await world.agent('coder');
});
after(() => world.stop());

async function refused(port: number, ...pieces: readonly Buffer[]): Promise<void> {
  assert.deepEqual(await world.raw('coder', 'allow.test', port, ...pieces), ALERT);
}

test('a server name other than the one that was resolved is refused, on 443 and elsewhere', async () => {
  const before = world.seen.length;
  for (const port of [443, 8443]) await refused(port, await realHello('deny.test'));
  await world.recorded('egress.denied', (entry) => /"deny.test" is not allow.test/.test(String(entry.why)));
  assert.equal(world.seen.length, before, 'it reached the server');
});

test('TLS without a server name is refused on 443', async () => {
  await refused(443, await realHello(undefined));
  await world.recorded('egress.denied', (entry) => /without a server name/.test(String(entry.why)));
});

test('an encrypted ClientHello is refused, since its name cannot be compared', async () => {
  await refused(443, withExtension(await realHello('allow.test'), 0xfe0d, Buffer.alloc(40)));
  await world.recorded('egress.denied', (entry) => /ECH/.test(String(entry.why)));
});

test('a server name with a NUL, or look-alike, is refused', async () => {
  for (const name of ['allow.test.deny.test', 'evilallow.test']) await refused(443, await realHello(name));
  const hello = await realHello('allow.test');
  hello[hello.indexOf('allow.test') + 5] = 0;
  await refused(443, hello);
});

test('letter case and a trailing dot make no difference', async () => {
  for (const name of ['ALLOW.test', 'allow.test.']) {
    const answer = await world.raw(
      'coder',
      'allow.test',
      443,
      await realHello(name),
      Buffer.from([21, 3, 3, 0, 2, 2, 0]),
    );
    assert.equal(answer[0], 22, name); // the server's ServerHello
  }
});

test('a ClientHello in many pieces is judged like a whole one', async () => {
  const hello = await realHello('deny.test');
  await refused(443, hello.subarray(0, 1), hello.subarray(1, 60), hello.subarray(60, 130), hello.subarray(130));
});

test('something other than TLS on 443 is refused', async () => {
  const text = (await world.raw('coder', 'allow.test', 443, 'GET / HTTP/1.1\r\nHost: allow.test\r\n\r\n')).toString();
  assert.match(text, /^HTTP\/1\.1 403 /);
  assert.equal((await world.raw('coder', 'allow.test', 443, 'SSH-2.0-x\r\n')).length, 0);
});

test('TLS on port 80 is refused', async () => {
  await refused(80, await realHello('allow.test'));
});

test('a server that asks for a second ClientHello is reached', async () => {
  const { out, err } = await world.curl('coder', '--curves', 'X25519:P-256', 'https://allow.test:8444/');
  assert.equal(out, 'hello from 203.0.113.10:8444\n', err);
});

test('a second ClientHello with another name is refused', async () => {
  const [one, two] = [await realHello('allow.test'), await realHello('deny.test')].map((hello) =>
    hello.toString('hex'),
  );
  const code = `
s=socket.create_connection(('allow.test',8444),timeout=20); s.sendall(bytes.fromhex('${one}'))
first=s.recv(65536); s.sendall(bytes.fromhex('${two}')); print((first+heard(s)).hex())`;
  const { out, err } = await world.python('coder', code);
  assert.equal(err, '');
  const answer = Buffer.from(out.trim(), 'hex');
  assert.equal(answer[0], 22, 'no HelloRetryRequest came first');
  assert.deepEqual(answer.subarray(-7), ALERT);
  await world.recorded('egress.denied', (entry) => entry.port === 8444);
});

test('an address that a rule names is reached without a server name, not with a foreign one', async () => {
  const { out, err } = await world.curl('coder', 'https://203.0.113.11/');
  assert.equal(out, 'hello from 203.0.113.11:443\n', err);
  assert.deepEqual(await world.raw('coder', '203.0.113.11', 443, await realHello('deny.test')), ALERT);
});

test('openssl verifies the server through us: nothing is intercepted', async () => {
  const argv = [
    'openssl',
    's_client',
    '-connect',
    'allow.test:443',
    '-servername',
    'allow.test',
    '-verify_return_error',
    '-ign_eof',
  ];
  const { out } = await world.run('coder', [...argv, '-CAfile', `${world.dir}/cert.pem`], 'GET / HTTP/1.0\r\n\r\n');
  assert.match(out, /Verify return code: 0 \(ok\)/);
  assert.match(out, /hello from 203\.0\.113\.10:443/);
});

test('a granted connection that is never used is on record', async () => {
  await world.python('coder', "socket.create_connection(('allow.test',443),timeout=20).close()");
  const closed = await world.recorded('egress.closed', (entry) => entry.why === 'nothing was sent');
  assert.deepEqual([closed.host, closed.port, closed.up], ['allow.test', 443, 0]);
});

test('a server that speaks first is heard', async () => {
  const code = `s=socket.create_connection(('allow.test',2525),timeout=20); print(s.recv(99)); s.sendall(b'EHLO x'); print(s.recv(99))`;
  const { out } = await world.python('coder', code);
  assert.match(out, /220 speaks first[\s\S]*you said EHLO x/);
});

test('a client that is silent at first is judged when it speaks', async () => {
  const late = `s=socket.create_connection(('allow.test',8080),timeout=20); time.sleep(1); s.sendall(b'GET / HTTP/1.1\\r\\nHost: deny.test\\r\\n\\r\\n'); print(s.recv(999))`;
  assert.match((await world.python('coder', late)).out, /403 Forbidden/);
  const good = late.replace('deny.test', 'allow.test');
  assert.match((await world.python('coder', good)).out, /hello from/);
});

test('what was sent right before a half-close arrives, and is answered', async () => {
  const code = `
import threading
got=[]
def one(port,data,expect):
  s=socket.create_connection(('allow.test',port),timeout=20); s.sendall(data); s.shutdown(socket.SHUT_WR); out=b''
  try:
    while True:
      d=s.recv(999)
      if not d: break
      out+=d
  except OSError as e: out=repr(e).encode()
  got.append(expect in out or out)
http=b'GET / HTTP/1.1\\r\\nHost: allow.test\\r\\n\\r\\n'
ts=[threading.Thread(target=one,args=a) for _ in range(25) for a in [(7000,b'\\0x',b'\\0x'),(80,http,b'hello from'),(8080,http,b'hello from')]]
[t.start() for t in ts]; [t.join() for t in ts]
print(len(got), [g for g in got if g is not True][:3])`;
  assert.equal((await world.python('coder', code)).out.trim(), '75 []');
});

test('bytes pass unchanged both ways, half-closes too, and are counted', async () => {
  const code = `
import hashlib,threading,os
s=socket.create_connection(('allow.test',7000),timeout=20)
data=b'\\x00'+os.urandom(8_000_000); got=hashlib.sha256(); n=0
def send():
  s.sendall(data); s.shutdown(socket.SHUT_WR)
t=threading.Thread(target=send); t.start()
while True:
  d=s.recv(65536)
  if not d: break
  got.update(d); n+=len(d)
print(n, got.hexdigest()==hashlib.sha256(data).hexdigest())`;
  const { out, err } = await world.python('coder', code);
  assert.equal(out.trim(), '8000001 True', err);
  const closed = await world.recorded('egress.closed', (entry) => entry.port === 7000 && Number(entry.up) > 1000);
  assert.deepEqual([closed.up, closed.down, closed.why], [8000001, 8000001, undefined]);
});

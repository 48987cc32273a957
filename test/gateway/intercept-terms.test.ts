import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstOutput } from '../e2e/first-output.ts';
import { ReadWorld, VALUE } from './read-world.ts';

// Requests of HTTP/1.1 on a connection that is read, and what the policy of the moment says of them.

interface Said {
  readonly method?: string;
  readonly url?: string;
  readonly body?: string;
  readonly coding?: string;
}
const world = new ReadWorld<Said>();
before(() => world.begin('node-origin.ts'));
after(() => world.stop());
afterEach(() => assert.equal(world.gateway.exitCode, null, 'the gateway lives'));
const URL_ = 'https://allow.test:9443';

test('a GET with a body goes out with its body, framed either way', async () => {
  for (const framed of [[], ['-H', 'Transfer-Encoding: chunked']]) {
    const path = `/${framed.length}`;
    const { out, err } = await world.trusting(
      '-X',
      'GET',
      '-d',
      'a query',
      ...framed,
      '-w',
      ' %{http_code}',
      URL_ + path,
    );
    assert.equal(out, 'ok 200', err);
    assert.equal((await world.heard(({ url }) => url === path)).body, 'a query');
  }
});

test('a field that Connection names is not there when a request is judged: what goes out is what was granted', async () => {
  await world.hold([{ types: ['application/json'] }]);
  const head =
    'POST /typed HTTP/1.1\r\nHost: allow.test:9443\r\nContent-Length: 1\r\nContent-Type: application/json\r\n';
  assert.match(await world.send(`${head}\r\nx`), /^HTTP\/1\.1 200 /);
  assert.match(await world.send(`${head}Connection: content-type\r\n\r\nx`), /^HTTP\/1\.1 403 /);
  await world.hold([{}]);
  await world.send(`${head.replace('typed', 'coded')}Connection: accept-encoding\r\n\r\nx`);
  assert.equal((await world.heard(({ url }) => url === '/coded')).coding, 'identity');
});

test('a body that a server could take for JSON is judged as a whole: whatever stands before the semicolon; two types are refused', async () => {
  await world.hold([{}], { in: ['json key'] });
  const body = JSON.stringify({ key: world.stand });
  const ask = (path: string, ...types: string[]): Promise<string> =>
    world.send(
      `POST ${path} HTTP/1.1\r\nHost: allow.test:9443\r\nContent-Length: ${body.length}\r\n${types.map((type) => `Content-Type: ${type}\r\n`).join('')}\r\n${body}`,
    );
  assert.match(await ask('/tab', 'application/json\t; charset=utf-8'), /^HTTP\/1\.1 200 /);
  assert.equal((await world.heard(({ url }) => url === '/tab')).body, JSON.stringify({ key: VALUE }));
  const said = world.said.length;
  assert.match(
    await ask('/two', 'text/plain', 'application/json'),
    /^HTTP\/1\.1 400 [\s\S]*content-type is given twice/,
  );
  assert.equal(world.said.length, said);
  await world.hold([{}]);
});

test('the proxy’s absolute form carries no plain HTTP to where a secret is bound, nor to 443', async () => {
  await world.hold([{}, { port: 443 }]);
  for (const [port, why] of [
    [9443, /a secret is bound to it/],
    [443, /plain HTTP on port 443/],
  ] as const) {
    const { out } = await world.run('coder', [
      ...['curl', '-sS', '-m', '30', '-x', 'http://bulkhead.internal:3128', '-w', ' %{http_code}'],
      `http://allow.test:${port}/`,
    ]);
    assert.match(out, why);
    assert.match(out, / 403$/);
  }
  assert.deepEqual(
    world.events('egress.allowed').filter(({ via }) => via === 'proxy'),
    [],
  );
});

test('a request that is held while a person is asked goes out under the rules that hold by then', async () => {
  const more = { budget: { requests: 1, ask: true }, budgetMs: 20_000 };
  await world.hold([{}], {}, more);
  let asked = 0;
  const before_ = world.onQuestion;
  world.onQuestion = (question) => {
    if (question.do !== 'budget.ask') return before_(question);
    asked += 1;
    world.warden.reply({ id: question.id, ok: { state: 'asked', id: 7 } });
  };
  const held = world.trusting(`${URL_}/held`);
  for (const end = Date.now() + 20_000; asked === 0 && Date.now() < end; ) await sleep(20);
  assert.equal(asked, 1);
  await world.hold([{ paths: ['/other'] }], {}, more);
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as { usage: { day: string }[] };
  const day = usage[0]?.day;
  await world.warden.call('allowances', { allowances: [{ id: 7, agent: 'coder', cap: 'requests', day, upTo: 99 }] });
  assert.match((await held).out, /GET \/held is not what is granted/);
  assert.deepEqual(
    world.said.filter(({ url }) => url === '/held'),
    [],
  );
  assert.deepEqual(
    world.events('egress.request').filter(({ path }) => path === '/held'),
    [],
    'what does not go out is not on record as sent',
  );
  world.onQuestion = before_;
  await world.hold([{}]);
});

test('rules that change while the request is being recorded hold for it: it does not go out', async () => {
  await world.hold([{ paths: ['/late', '/first'] }]);
  const [came, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  world.ledgerHolds = (entries) => {
    if (!entries.some(({ event, path }) => event === 'egress.request' && path === '/late')) return undefined;
    came.resolve();
    return over.promise;
  };
  try {
    const late = world.trusting(`${URL_}/first`, `${URL_}/late`);
    await came.promise;
    await world.hold([{ paths: ['/first'] }]);
    over.resolve();
    assert.match((await late).out, /^ok.*GET \/late is not what is granted/);
  } finally {
    world.ledgerHolds = () => undefined;
    over.resolve();
  }
  assert.deepEqual(
    world.said.filter(({ url }) => url === '/late'),
    [],
  );
  await world.hold([{}]);
});

test('roots that are taken out end the connections that were verified against them', async () => {
  const holds = `
import https from 'node:https';
const agent = new https.Agent({ keepAlive: true });
https.get({ host: 'allow.test', port: 9443, path: '/rooted', agent }, (answer) => {
  answer.resume();
  answer.socket.once('close', () => { console.log('ended'); process.exit(); });
  console.log('answered');
});
setTimeout(() => { console.log('stands'); process.exit(); }, 40_000);`;
  const trust = `NODE_EXTRA_CA_CERTS=${world.authority}`;
  const held = world.background('coder', ['env', trust, process.execPath, '--input-type=module', '-e', holds]);
  assert.equal(await firstOutput(held), 'answered\n');
  const then = firstOutput(held);
  const secret = { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer', 'basic'] };
  const agent = { name: 'coder', egress: [{ host: 'allow.test', port: 9443 }], grants: [], secrets: [secret] };
  await world.warden.call('policy', { roots: [], agents: [agent] });
  assert.equal(await then, 'ended\n');
  await world.hold([{}]);
});

test('a request to where only rules apply, and no secret is bound, is counted once, as one with a secret is', async () => {
  const requests = async (): Promise<number> => {
    const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as {
      usage: { requests: number }[];
    };
    return usage[0]?.requests ?? 0;
  };
  for (const binding of [{}, { host: 'elsewhere.test' }]) {
    await world.hold([{ paths: ['/counted'] }], binding);
    const before = await requests();
    assert.equal((await world.trusting(`${URL_}/counted`, `${URL_}/counted`)).out, 'okok');
    assert.equal(await requests(), before + 2, JSON.stringify(binding));
    assert.match((await world.trusting(`${URL_}/other`)).out, /is not what is granted/);
    assert.equal(await requests(), before + 2, 'one that is refused is none');
  }
  await world.hold([{}]);
});

test('bodies that wait to be judged take so much together, on all connections of an agent; those that have room go on', async () => {
  await world.hold([{}], { in: ['json key'] });
  const body = `{"key":"${world.stand}","x":"${'y'.repeat(1_000_000)}"}`;
  const head = `POST /held HTTP/1.1\r\nHost: allow.test:9443\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const { out, err } = await world.python(
    'coder',
    `import json,ssl
c=ssl.create_default_context(cafile=${JSON.stringify(world.authority)})
head,key=${JSON.stringify(head)}.encode(),${JSON.stringify(world.stand)}
body=json.dumps({'key':key,'x':'y'*1000000},separators=(',',':')).encode()
def one(whole=False):
  s=c.wrap_socket(socket.create_connection(('allow.test',9443),timeout=20),server_hostname='allow.test')
  try: s.sendall(head+(body if whole else body[:-1]))
  except OSError: pass
  return s
def status(s,seconds):
  s.settimeout(seconds)
  try: return s.recv(4096).split()[1].decode()
  except TimeoutError: return ''
  except (OSError,IndexError): return 'cut'
rest,refused,late=[one() for _ in range(20)],[],time.time()+20
while len(refused)<4 and time.time()<late:
  said=[(s,status(s,0.02)) for s in rest]
  refused+=[x for _,x in said if x]; rest=[s for s,x in said if not x]
def finish(s):
  s.settimeout(20)
  try: s.sendall(body[-1:])
  except OSError: pass
for s in rest: finish(s)
print(json.dumps([refused,[status(s,20) for s in rest],status(one(True),20)]))`,
  );
  assert.equal(err, '');
  const [refused, others, after] = JSON.parse(out) as [string[], string[], string];
  assert.ok(refused.length >= 4 && refused.every((status) => status !== '200'), out); // 20 MB do not fit into 16 MiB
  assert.ok(refused.includes('400'), out);
  assert.ok(others.includes('200'), out);
  assert.equal(after, '200', 'and there is room again');
  await world.heard(({ body: came }) => came?.length === body.length - world.stand.length + VALUE.length);
  await world.hold([{}]);
});

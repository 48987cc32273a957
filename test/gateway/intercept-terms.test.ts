import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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
      ...['curl', '-sS', '-m', '8', '-x', 'http://bulkhead.internal:3128', '-w', ' %{http_code}'],
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
  const more = { budget: { requests: 1, ask: true }, budgetMs: 8000 };
  await world.hold([{}], {}, more);
  let asked = 0;
  const before_ = world.onQuestion;
  world.onQuestion = (question) => {
    if (question.do !== 'budget.ask') return before_(question);
    asked += 1;
    world.warden.reply({ id: question.id, ok: { state: 'asked', id: 7 } });
  };
  const held = world.trusting(`${URL_}/held`);
  for (const end = Date.now() + 7000; asked === 0 && Date.now() < end; ) await sleep(20);
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
  world.onQuestion = before_;
  await world.hold([{}]);
});

test('roots that are taken out end the connections that were verified against them', async () => {
  const held = world.node(`
import https from 'node:https';
const agent = new https.Agent({ keepAlive: true });
const began = Date.now();
https.get({ host: 'allow.test', port: 9443, path: '/rooted', agent }, (answer) => {
  answer.resume();
  answer.socket.once('close', () => { console.log('ended'); process.exit(); });
});
setTimeout(() => { console.log('stands'); process.exit(); }, 6000);`);
  await world.heard(({ url }) => url === '/rooted');
  await sleep(300);
  const secret = { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer', 'basic'] };
  const agent = { name: 'coder', egress: [{ host: 'allow.test', port: 9443 }], grants: [], secrets: [secret] };
  await world.warden.call('policy', { roots: [], agents: [agent] });
  assert.match((await held).out, /ended/);
  await world.hold([{}]);
});

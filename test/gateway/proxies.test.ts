import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { realHello } from '../protocol/real-hello.ts';
import { World } from './world.ts';

const world = new World();
const PROXY = 'http://bulkhead.internal:3128';
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 49]);
const SOCKS = 'socks5h://bulkhead.internal:1080';
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'deny.test': '203.0.113.11' });
  await world.policy({ coder: [443, 80, 8080].map((port) => ({ host: 'allow.test', port })) });
  await world.agent('coder');
});
after(() => world.stop());

test('CONNECT, absolute-form and SOCKS reach what is allowed', async () => {
  for (const proxy of [PROXY, SOCKS, 'socks5://bulkhead.internal:1080', 'socks4a://bulkhead.internal:1080']) {
    const { out, err } = await world.curl('coder', '-x', proxy, 'https://allow.test/');
    if (proxy.startsWith('socks4')) assert.equal(out, '', 'SOCKS 4 is not offered');
    else assert.equal(out, 'hello from 203.0.113.10:443\n', `${proxy}: ${err}`);
  }
  for (const proxy of [PROXY, SOCKS])
    assert.equal((await world.curl('coder', '-x', proxy, 'http://allow.test/')).out, 'hello from 203.0.113.10:80\n');
  assert.equal(
    (await world.curl('coder', '-p', '-x', PROXY, 'http://allow.test/')).out,
    'hello from 203.0.113.10:80\n',
  );
  const ways = new Set(world.events('egress.allowed').map((entry) => entry.via));
  assert.deepEqual([...ways].sort(), ['connect', 'proxy', 'socks']);
});

test('a refused CONNECT says what was denied, by which rule, and what would allow it', async () => {
  const answer = (
    await world.raw('coder', 'bulkhead.internal', 3128, 'CONNECT deny.test:443 HTTP/1.1\r\nHost: deny.test:443\r\n\r\n')
  ).toString();
  assert.match(answer, /^HTTP\/1\.1 403 /);
  assert.deepEqual(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))), {
    denied: 'deny.test:443',
    rule: 'no rule grants deny.test',
    ask: 'agents.coder.egress: [deny.test]',
  });
});

test('it is decided before anything is resolved', async () => {
  for (const proxy of [PROXY, SOCKS]) {
    await world.curl('coder', '-x', proxy, 'https://c2vjcmv0.deny.test/');
    await world.curl('coder', '-x', proxy, 'http://c2vjcmv0.deny.test/');
  }
  await world.recorded('egress.denied', (entry) => entry.host === 'c2vjcmv0.deny.test' && entry.via === 'socks');
  assert.deepEqual(world.asked, []);
});

test('an address in any spelling is refused unless a rule names it', async () => {
  const spellings = [
    '203.0.113.11',
    '0xCB00710B',
    '3405803787',
    '0313.0.0161.013',
    '203.0.28939',
    '[::ffff:203.0.113.11]',
    '[2001:db8::1]',
    '127.1',
    '0',
    '[::1]',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '198.18.77.77',
    '203.0.113.11.',
  ];
  const refused = async (request: string): Promise<void> => {
    const text = (await world.raw('coder', 'bulkhead.internal', 3128, request)).toString();
    assert.match(text, /^HTTP\/1\.1 403 /, request);
  };
  for (const host of spellings) {
    await Promise.all([
      refused(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`),
      refused(`GET http://${host}:80/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    ]);
  }
  for (const host of ['203.0.113.11', '127.0.0.1', '0.0.0.0', '::1', 'fd00:ec2::254'])
    await world.recorded('egress.denied', (entry) => entry.host === host);
  assert.ok(!world.seen.some((one) => one.address === '203.0.113.11'));
});

test('what is no host is refused by every door, and on record', async () => {
  for (const host of [
    'deny.test%00.allow.test',
    'allow.test@deny.test',
    'allow.test%2edeny.test',
    'allow.test:443@deny.test',
    'evil_.-.test',
  ]) {
    const text = (
      await world.raw('coder', 'bulkhead.internal', 3128, `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    ).toString();
    assert.match(text, /^HTTP\/1\.1 40[03] /, host);
  }
  const name = 'deny.test\0.allow.test';
  const socks = Buffer.from(`\x05\x01\x00\x03${String.fromCharCode(name.length)}${name}\x01\xbb`, 'latin1');
  const answer = await world.raw('coder', 'bulkhead.internal', 1080, Buffer.from([5, 1, 0]), socks);
  assert.deepEqual([...answer.subarray(0, 4)], [5, 0, 5, 2]);
  await world.recorded('egress.denied', (entry) => entry.host === name);
});

test('a port that is not granted is refused, whichever door', async () => {
  for (const port of [22, 25, 6379, 8443]) {
    const { err } = await world.curl('coder', '-x', PROXY, `https://allow.test:${port}/`);
    assert.match(err, /403/);
    assert.equal((await world.curl('coder', '-x', SOCKS, `https://allow.test:${port}/`)).status, 97);
  }
  await world.recorded(
    'egress.denied',
    (entry) => entry.port === 6379 && /granted on port 80, 443, 8080 only/.test(String(entry.why)),
  );
});

test('authority, Host and server name must agree', async () => {
  const host = 'CONNECT allow.test:443 HTTP/1.1\r\nHost: deny.test:443\r\n\r\n';
  assert.match((await world.raw('coder', 'bulkhead.internal', 3128, host)).toString(), /^HTTP\/1\.1 403 /);
  const absolute = 'GET http://allow.test/ HTTP/1.1\r\nHost: deny.test\r\n\r\n';
  assert.match((await world.raw('coder', 'bulkhead.internal', 3128, absolute)).toString(), /^HTTP\/1\.1 403 /);
  const connect = 'CONNECT allow.test:443 HTTP/1.1\r\nHost: allow.test:443\r\n\r\n';
  const inner = await world.raw('coder', 'bulkhead.internal', 3128, connect, await realHello('deny.test'));
  assert.match(inner.toString(), /^HTTP\/1\.1 200 /);
  assert.deepEqual(inner.subarray(-7), ALERT);
  const early = await world.raw(
    'coder',
    'bulkhead.internal',
    3128,
    Buffer.concat([Buffer.from(connect), await realHello('deny.test')]),
  );
  assert.deepEqual(early.subarray(-7), ALERT);
  const tunnel = 'CONNECT allow.test:8080 HTTP/1.1\r\nHost: allow.test:8080\r\n\r\n';
  const plain = await world.raw(
    'coder',
    'bulkhead.internal',
    3128,
    tunnel,
    'GET / HTTP/1.1\r\nHost: deny.test\r\n\r\n',
  );
  assert.match(plain.toString(), /200 Connection established[\s\S]*403 Forbidden/);
});

test('a second request to the proxy on the same connection is not forwarded', async () => {
  const one = 'GET http://allow.test/first HTTP/1.1\r\nHost: allow.test\r\n\r\n';
  const two = 'GET http://allow.test/second HTTP/1.1\r\nHost: deny.test\r\n\r\n';
  const paths = (): string[] => world.seen.flatMap(({ seen }) => seen.match(/\/(?:first|second)\b/g) ?? []);
  await world.raw('coder', 'bulkhead.internal', 3128, one + two);
  await world.raw('coder', 'bulkhead.internal', 3128, one, two);
  await world.counted(() => paths().length, 2);
  assert.deepEqual(paths(), ['/first', '/first']);
});

test('our own page and the refusals are there, by every way', async () => {
  const page = await world.curl('coder', 'http://bulkhead.internal/');
  assert.match(page.out, /You are coder, in a compartment of Bulkhead/);
  assert.match(page.out, /\{ host: allow\.test, port: 8080 \}/);
  for (const way of [[], ['-x', PROXY], ['-x', SOCKS], ['-p', '-x', PROXY]]) {
    const { out, err } = await world.curl('coder', ...way, 'http://bulkhead.internal/denials');
    const { denials } = JSON.parse(out || assert.fail(`${way}: ${err}`));
    assert.ok(
      denials.some((one: { ask: string | null }) => one.ask === 'agents.coder.egress: [deny.test]'),
      String(way),
    );
  }
  const asked = (await world.warden.call('denials', { agent: 'coder' })) as { denials: unknown[] };
  assert.ok(asked.denials.length > 5);
  const foreign = await world.curl('coder', '-H', 'Host: evil.test', 'http://bulkhead.internal/denials');
  assert.match(foreign.out, /nothing else/);
});

test('the proxy is no way round: not to itself, not to other ports of it', async () => {
  assert.match((await world.curl('coder', '-x', PROXY, 'https://bulkhead.internal:3128/')).err, /403/);
  assert.match((await world.curl('coder', 'http://bulkhead.internal:81/')).out, /no rule grants bulkhead.internal/);
});

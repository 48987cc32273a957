import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity } from 'age-encryption';
import { Failure } from '../../src/model/failure.ts';
import { sealed } from '../../src/programs/cli/seal.ts';
import { firstOutput } from '../e2e/first-output.ts';
import { listenTo } from './said.ts';
import { type Entry, World } from './world.ts';

// The real gateway between a compartment and servers with TLS. What the servers saw is the measure.

const VALUE = 'real-value-0123456789-abcdefghij';
const FAR = '203.0.113.10';
const world = new World();
const requests: { head: string; body: string }[] = [];
let stand = '';
let roots: string[] = [];

const policy = (change: object = {}, more: readonly object[] = []): Promise<unknown> =>
  world.warden.call('policy', {
    roots,
    agents: [
      {
        name: 'coder',
        egress: [80, 443, 8443, 9443].map((port) => ({ host: 'allow.test', port })),
        grants: [],
        secrets: [
          { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer', 'basic'], ...change },
          ...more,
        ],
      },
    ],
  });
const set = async (value: string): Promise<{ ended: number }> => {
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  const bytes = Buffer.from(await sealed(value, recipient)).toString('base64');
  return (await world.warden.call('secrets.set', { name: 'api', sealed: bytes })) as { ended: number };
};
/** curl from inside, which trusts the fleet's authority and nothing else. */
const curl = async (...args: string[]): Promise<{ status: number | null; out: string; err: string }> =>
  world.run('coder', ['curl', '-sS', '-m', '30', '--cacert', join(world.dir, 'authority.pem'), ...args]);
const URL_ = 'https://allow.test:9443';
const bearer = (): string[] => ['-H', `Authorization: Bearer ${stand}`];
const last = (): { head: string; body: string } => requests.at(-1) ?? { head: '', body: '' };
const findings: string[] = [];

before(async () => {
  world.identity = await generateX25519Identity();
  await world.start({ 'allow.test': FAR });
  world.onQuestion = ({ id, do: what, text }) => {
    if (what !== 'finding') return;
    findings.push(String(text));
    world.warden.reply({ id, ok: {} });
  };
  roots = [readFileSync(join(world.dir, 'cert.pem'), 'utf8')];
  await policy();
  await set(VALUE);
  stand = ((await world.warden.call('secrets.placeholders', { agent: 'coder' })) as { KEY: string }).KEY;
  const { certificate } = (await world.warden.call('secrets.authority')) as { certificate: string };
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(world.dir, 'authority.pem'), certificate, { mode: 0o644 });
  await world.agent('coder');
  const files = [join(world.dir, 'key.pem'), join(world.dir, 'cert.pem')];
  const origin = world.outsideBackground([
    process.execPath,
    fileURLToPath(new URL('scripted-origin.ts', import.meta.url)),
    FAR,
    '9443',
    ...files,
  ]);
  await listenTo(origin, (one) => requests.push(one));
});
after(async () => {
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});

test('the server sees the value, the agent sees its placeholder’s like again: in status, fields, and bodies however they come', async () => {
  for (const path of ['/echo', '/chunks', '/close']) {
    const { out, err } = await curl('-i', ...bearer(), URL_ + path);
    assert.match(last().head, new RegExp(`^authorization: Bearer ${VALUE}$`, 'm'), path + err);
    assert.ok(!out.includes(VALUE.slice(0, 12)), `${path}: ${out}`);
    assert.match(out, /Bearer [a-z0-9-]{32}/, path);
  }
});

test('in Basic authorization neither the value nor its coded form comes back', async () => {
  const { out } = await curl('-i', '-u', `user:${stand}`, `${URL_}/echo`);
  const form = Buffer.from(`user:${VALUE}`).toString('base64');
  assert.match(last().head, new RegExp(`^authorization: Basic ${form}$`, 'm'));
  assert.ok(!out.includes(form) && out.includes('Basic '), out);
});

test('what goes out is on disk first, with the secret’s name, method and path, and without a value', async () => {
  world.ledgerRefuses = undefined;
  await curl(...bearer(), `${URL_}/echo?q=1`);
  const used = await world.recorded('secret.used', ({ path }) => path === '/echo');
  const { secret, method, strength, host, port } = used as Entry;
  assert.deepEqual(
    { secret, method, strength, host, port },
    { secret: 'api', method: 'GET', strength: 'acknowledged', host: 'allow.test', port: 9443 },
  );
  assert.ok(!JSON.stringify(world.entries).includes(VALUE) && !JSON.stringify(world.entries).includes(stand));
});

test('on one connection each request is judged by itself', async () => {
  const before = requests.length;
  const { out } = await curl(
    ...bearer(),
    `${URL_}/echo`,
    '--next',
    '-sS',
    '-m',
    '30',
    '--cacert',
    join(world.dir, 'authority.pem'),
    '-H',
    `X-Other: ${stand}`,
    `${URL_}/echo`,
  );
  assert.match(out, /a placeholder stands where its secret is not bound to/);
  assert.equal(requests.length, before + 1, 'the second never went out');
});

test('a placeholder in body, query, path or another field is refused, the server gets no whole request, and a person hears of it', async () => {
  const before = requests.length;
  const big = `${'x'.repeat(100_000)}${stand}${'y'.repeat(1000)}`;
  const tries = [
    ['-d', `a=${stand}`, `${URL_}/body`],
    ['-d', big, `${URL_}/body`],
    ['-H', 'Transfer-Encoding: chunked', '-d', `a=${stand}`, `${URL_}/body`],
    [`${URL_}/body?k=${stand}`],
    [`${URL_}/${stand}`],
    ['-H', `Cookie: k=${stand}`, `${URL_}/body`],
  ];
  for (const args of tries) {
    const { out, err } = await curl('-w', '%{http_code}', '-H', 'Expect:', ...args);
    assert.match(out, /is not bound to.*403$/s, args.join(' ').slice(0, 80) + err);
  }
  assert.equal(requests.length, before);
  assert.ok((await world.recorded('secret.misused', () => true)).strength === 'acknowledged');
  await world.recorded('secret.misused', ({ method, path }) => method === 'POST' && path === '/body'); // found in the body itself
  assert.ok(findings.some((text) => text.includes('allow.test:9443')));
});

test('somebody else’s credential is refused at a bound place', async () => {
  const { out } = await curl('-H', 'Authorization: Bearer sk-of-somebody-else', `${URL_}/echo`);
  assert.match(out, /no placeholder of this agent/);
});

test('methods and paths that it is not bound to are refused', async () => {
  await policy({ methods: ['GET'], paths: ['/echo'] });
  assert.match((await curl(...bearer(), `${URL_}/echo`)).out, /^Bearer/);
  assert.match((await curl(...bearer(), '-X', 'POST', `${URL_}/echo`)).out, /not bound to POST/);
  assert.match((await curl(...bearer(), `${URL_}/chunks`)).out, /not bound to this path/);
  assert.match((await curl('--path-as-is', ...bearer(), `${URL_}/x/../echo`)).out, /not bound to this path/);
  await policy();
});

test('to another destination it is TLS that nobody reads, and in plain HTTP it is refused', async () => {
  const { out } = await world.curl('coder', ...bearer(), 'https://allow.test/x');
  assert.equal(out, `hello from ${FAR}:443\n`);
  const passed = (): boolean => world.seen.some(({ port, seen }) => port === 443 && seen.includes(stand));
  for (let i = 0; i < 1000 && !passed(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(passed(), 'where the placeholder is of no use to anybody');
  const plain = await world.curl('coder', ...bearer(), 'http://allow.test/x');
  assert.match(plain.out, /a placeholder stands in a request to where its secret is not bound to/);
});

test('plain HTTP to where a secret is bound is refused, unless that is a pinned loopback address', async () => {
  const { out } = await world.curl('coder', ...bearer(), 'http://allow.test:9443/echo');
  assert.match(out, /plain HTTP would show it/);
});

test('a server that is not who it should be gets nothing', async () => {
  const before = requests.length;
  const kept = roots;
  roots = [];
  await policy();
  const { out } = await curl(...bearer(), `${URL_}/echo`);
  assert.match(out, /the server is not who it should be/);
  roots = kept;
  await policy();
  assert.equal(requests.length, before);
});

test('events of a stream come as they are sent', async () => {
  let apart = 0;
  // They are sent 400 ms apart; one that came late by a stall is nearer to the next.
  for (let tries = 0; tries < 5 && apart <= 250; tries++) {
    const { out } = await world.run('coder', [
      'sh',
      '-c',
      `curl -sSN -m 30 --cacert ${join(world.dir, 'authority.pem')} ${URL_}/events | while read -r line; do [ -n "$line" ] && date +%s%3N; done`,
    ]);
    const times = out.trim().split('\n').map(Number);
    assert.equal(times.length, 3);
    apart = (times[1] as number) - (times[0] as number);
  }
  assert.ok(apart > 250, `${apart} ms`);
});

test('an answer that could not be searched, or that two programs would read differently, is not passed on', async () => {
  for (const [path, why] of [
    ['/compress', /compressed/],
    ['/twice', /given twice/],
  ] as const) {
    const { out } = await curl('-w', '%{http_code}', ...bearer(), URL_ + path);
    assert.match(out, why);
    assert.match(out, /502$/);
  }
});

test('large uploads and 100-continue pass, and a body comes out as it went in', async () => {
  const body = 'z'.repeat(3_000_000);
  const { out, err } = await world.run(
    'coder',
    [
      'curl',
      '-sS',
      '-m',
      '20',
      '--cacert',
      join(world.dir, 'authority.pem'),
      '--data-binary',
      '@-',
      `${URL_}/continue`,
    ],
    body,
  );
  assert.equal(out, '3000000', err);
});

test('a new value ends what ran under the old one, and is in force at once; a revoked one is refused', async () => {
  const child = world.background('coder', [
    'curl',
    '-sSN',
    '-m',
    '30',
    '--cacert',
    join(world.dir, 'authority.pem'),
    ...bearer(),
    ...Array<string>(12).fill(`${URL_}/events`),
  ]);
  await firstOutput(child);
  const began = performance.now();
  const { ended } = await set(`another-${VALUE}`);
  assert.equal(ended, 1);
  assert.ok(performance.now() - began < 5000, 'not when all of them had been answered');
  const gone = once(child, 'close');
  child.kill('SIGKILL'); // it would ask for the others
  await gone;
  await curl(...bearer(), `${URL_}/echo`);
  assert.match(last().head, new RegExp(`Bearer another-${VALUE}`));
  await world.warden.call('secrets.revoke', { name: 'api' });
  const { out } = await curl(...bearer(), `${URL_}/echo`);
  const { rule, ask } = JSON.parse(out);
  assert.deepEqual([rule, ask], ['the secret api is not set', 'your operator runs: bulkhead secrets set api']);
  const called = await curl('-i', ...bearer(), '-d', '{}', `${URL_}/v1/chat/completions`);
  assert.match(called.out, /^HTTP\/1\.1 503 [\s\S]*^x-should-retry: false\r$/m);
  assert.match(called.out, /"error":\{"message":"Refused by Bulkhead: the secret api is not set; your operator runs/);
  await set(VALUE);
});

test('with a ledger that takes nothing no secret goes out', async () => {
  const before = requests.length;
  const child = world.background('coder', [
    'curl',
    '-sS',
    '-m',
    '30',
    '--cacert',
    join(world.dir, 'authority.pem'),
    ...bearer(),
    `${URL_}/events`,
    `${URL_}/echo`,
  ]);
  let out = '';
  child.stdout?.on('data', (chunk) => (out += chunk));
  const full = new Failure('full', 'the disk is full', 'x', 1);
  world.ledgerHolds = (entries) => {
    if (entries.some(({ path }) => path === '/echo')) world.ledgerRefuses = full;
    return world.ledgerRefuses && Promise.reject(full);
  };
  await new Promise((resolve) => child.once('close', resolve));
  world.ledgerHolds = () => undefined;
  world.ledgerRefuses = undefined;
  assert.match(out, /the record cannot be written/);
  assert.equal(requests.length, before + 1);
});

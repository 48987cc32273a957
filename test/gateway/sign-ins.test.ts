import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KeptSecret } from '../../src/policy/secret-findings.ts';
import { sealed } from '../../src/programs/cli/seal.ts';
import { listenTo } from './said.ts';
import { startWithEndpoint } from './token-world.ts';
import { World } from './world.ts';

// A sign-in that the real gateway refreshes at a stand-in of the token endpoint, at the endpoint's own name, inside namespaces of the test.

const HOST = 'platform.claude.com';
const AT = '203.0.113.12';
const token = (kind: string, n: number): string => `sk-ant-${kind}01-${String(n).padStart(4, '0')}-${'aB3'.repeat(20)}`;
const world = new World();
const seen: { path: string; body: Record<string, string> }[] = [];
let roots: string[] = [];
let changed = (): void => {};
let mode = async (_: string): Promise<void> => {};

const ENDPOINT = `
const { readFileSync } = require('node:fs');
const [key, cert] = process.argv.slice(1, 3).map((file) => readFileSync(file));
let mode = 'good', n = 1;
process.stdin.on('data', (text) => { mode = String(text).trim(); console.log('{"mode":1}'); });
require('node:https').createServer({ key, cert }, (request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk)).on('end', () => {
    console.log(JSON.stringify({ path: request.method + ' ' + request.url, body: JSON.parse(body) }));
    n += 1;
    const made = (kind) => 'sk-ant-' + kind + '01-' + String(n).padStart(4, '0') + '-' + 'aB3'.repeat(20);
    if (mode === 'filters') return void response.writeHead(403).end('<html>');
    if (mode === 'refuses') return void response.writeHead(400).end('{"error":"invalid_grant"}');
    if (mode === 'rubbish') return void response.end('<html>');
    if (mode === 'endless') { const more = () => response.write('x'.repeat(65536), more); return void more(); }
    response.end(JSON.stringify({ token_type: 'Bearer', access_token: made('oat'), refresh_token: made('ort'), expires_in: mode === 'short' ? 60 : 28800 }));
  });
}).listen(443, '${AT}', () => console.log('{"ready":1}'));
`;

const policy = (): Promise<unknown> =>
  world.warden.call('policy', {
    roots,
    agents: [
      {
        name: 'coder',
        egress: [{ host: 'allow.test', port: 9443 }],
        grants: [],
        secrets: [
          { variable: 'CLAUDE_CODE_OAUTH_TOKEN', secret: 'mine', host: 'allow.test', port: 9443, in: ['bearer'] },
        ],
      },
    ],
  });
const login = async (n: number, inMs: number): Promise<unknown> => {
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  const signIn = {
    harness: 'claude-code',
    access: token('oat', n),
    refresh: token('ort', n),
    until: Date.now() + inMs,
  };
  const bytes = Buffer.from(await sealed(JSON.stringify(signIn), recipient)).toString('base64');
  return world.warden.call('secrets.login', { name: 'mine', sealed: bytes, own: ['claude'] });
};
const listed = async (): Promise<KeptSecret> =>
  ((await world.warden.call('secrets.list')) as { secrets: KeptSecret[] }).secrets[0] as KeptSecret;
const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  for (let i = 0; i < 600 && !(await holds()); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(await holds());
};
const placeholder = async (): Promise<string | undefined> =>
  ((await world.warden.call('secrets.placeholders', { agent: 'coder' })) as Record<string, string>)
    .CLAUDE_CODE_OAUTH_TOKEN;

before(async () => {
  const { root, files } = await startWithEndpoint(world, HOST, AT);
  roots = [root];
  await policy();
  const endpoint = world.outsideBackground([process.execPath, '-e', ENDPOINT, ...files]);
  mode = async (text) => {
    const heard = new Promise<void>((resolve) => (changed = resolve));
    endpoint.stdin?.write(`${text}\n`);
    await heard;
  };
  await listenTo(endpoint, (one) => {
    if (one.mode) changed();
    else if (one.path) seen.push(one);
  });
});
after(async () => {
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});

test('an access token that lasts is a secret like others: a placeholder of its shape, and no refresh', async () => {
  await login(1, 8 * 3_600_000);
  assert.match((await placeholder()) ?? '', /^sk-ant-oat01-[A-Za-z0-9]+$/);
  assert.equal((await placeholder())?.length, token('oat', 1).length);
  const { signIn, own } = await listed();
  assert.deepEqual([signIn?.harness, signIn?.refused, own, seen.length], ['claude-code', undefined, ['claude'], 0]);
});

test('one that ends soon is refreshed at the endpoint, on record first, and the placeholder stays the same', async () => {
  const stand = await placeholder();
  await login(1, 60_000);
  await until(async () => Date.parse((await listed()).signIn?.until ?? '') > Date.now() + 3_600_000);
  assert.deepEqual(
    seen.map(({ path }) => path),
    ['POST /v1/oauth/token'],
  );
  const { grant_type, refresh_token } = seen[0]?.body ?? {};
  assert.deepEqual([grant_type, refresh_token], ['refresh_token', token('ort', 1)]);
  assert.equal(await placeholder(), stand);
  assert.equal((await world.recorded('secret.refreshing', () => true))?.strength, 'acknowledged');
  assert.equal((await world.recorded('secret.refreshed', () => true))?.result, 'signed-in');
});

test('the next refresh uses the refresh token of the last, also after the gateway was killed', async () => {
  world.gateway.kill('SIGKILL');
  await new Promise((resolve) => world.gateway.once('exit', resolve));
  world.startGateway();
  await policy();
  assert.ok(Date.parse((await listed()).signIn?.until ?? '') > Date.now());
  await mode('short');
  const before = seen.length;
  await login(7, 1000);
  await until(() => seen.length > before);
  await until(async () => Date.parse((await listed()).signIn?.until ?? '') > Date.now() + 30_000);
  assert.equal(seen.at(-1)?.body.refresh_token, token('ort', 7));
  await mode('good');
});

test('an endpoint that refuses ends it: said once, and not asked again', async () => {
  await mode('refuses');
  const before = seen.length;
  await login(20, 1000);
  await until(async () => (await listed()).signIn?.refused === `${HOST} answered 400`);
  assert.equal(seen.length, before + 1);
  await mode('rubbish');
  await login(21, 1000);
  await until(() => seen.length === before + 2);
  await until(() => world.entries.some(({ why }) => why === `${HOST} answered 200, without a token`));
  assert.equal((await listed()).signIn?.refused, undefined, 'rubbish says nothing about the sign-in');
  await mode('filters');
  await login(23, 1000);
  await until(() => world.entries.some(({ why }) => why === `${HOST} answered 403`));
  assert.equal((await listed()).signIn?.refused, undefined, 'nor does a filter before the endpoint');
  await mode('endless');
  await login(22, 1000);
  await until(() => world.entries.some(({ why }) => String(why).includes('the answer is too long')));
});

test('what is no sign-in changes nothing, and no file or entry has a token in it', async () => {
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  for (const rubbish of ['not json', '{}', '{"harness":"claude-code","access":"x","refresh":"y","until":1}', 'null']) {
    const bytes = Buffer.from(await sealed(rubbish, recipient)).toString('base64');
    await assert.rejects(world.warden.call('secrets.login', { name: 'mine', sealed: bytes }), { code: 'no-sign-in' });
  }
  const folder = join(world.dir, 'gateway/secrets');
  const all = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'latin1'));
  assert.ok(readdirSync(folder).includes('mine.login'));
  assert.ok(!(all.join('') + JSON.stringify(world.entries)).includes('aB3aB3'));
});

test('revoked, its refresh token goes too', async () => {
  await world.warden.call('secrets.revoke', { name: 'mine' });
  assert.deepEqual(readdirSync(join(world.dir, 'gateway/secrets')), ['mine.shape']);
});

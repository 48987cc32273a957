import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Decrypter } from 'age-encryption';
import type { SignIn } from '../../src/policy/sign-in.ts';
import { sealed } from '../../src/programs/cli/seal.ts';
import { listenTo } from './said.ts';
import { startWithEndpoint } from './token-world.ts';
import { World } from './world.ts';

// An agent's harness refreshes its sign-in at the token endpoint, under the endpoint's own name, through the real gateway: the endpoint sees real
// tokens, the agent placeholders, whatever the endpoint answers and however.

const HOST = 'auth.openai.com';
const AT = '203.0.113.12';
const CLIENT = 'app_EMoamEEZ73f0CkXaXp7hrann';
interface Made {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
}
interface Said {
  readonly told?: true;
  readonly made?: Made;
  readonly body?: string;
  readonly url?: string;
}

const world = new World();
const said: Said[] = [];
const findings: string[] = [];
let endpoint: ChildProcess;
let stand = '';
let told = (): void => {};
let times = 0;

const asked = (): string[] =>
  said.flatMap(({ url, body }) =>
    url === '/oauth/token' && body !== undefined ? [JSON.parse(body).refresh_token] : [],
  );
const made = (): Made[] => said.flatMap(({ made }) => made ?? []);
const secretsSeen = (text: string): string[] =>
  [...made().flatMap((one) => [one.access_token, one.refresh_token, one.id_token]), ...asked()].filter((one) =>
    text.includes(one.slice(-40)),
  );
const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  for (let i = 0; i < 1200 && !(await holds()); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  assert.ok(await holds());
};
const tell = async (what: object): Promise<void> => {
  const heard = new Promise<void>((resolve) => (told = resolve));
  endpoint.stdin?.write(`${JSON.stringify(what)}\n`);
  await heard;
};
const play = (mode: string): Promise<void> => tell({ mode });

async function login(inMs: number = 8 * 3_600_000, name: string = 'codex'): Promise<SignIn> {
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  const mine = String(++times).padStart(4, '0');
  const signIn: SignIn = {
    harness: 'codex',
    access: `eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.${mine}${'aB3'.repeat(20)}`,
    refresh: `rt_first_${mine}_${'cD4'.repeat(20)}`,
    until: Date.now() + inMs,
    account: { id: 'acc-0123', plan: 'plus' },
  };
  const bytes = Buffer.from(await sealed(JSON.stringify(signIn), recipient)).toString('base64');
  await world.warden.call('secrets.login', { name, sealed: bytes });
  stand =
    ((await world.warden.call('secrets.placeholders', { agent: 'coder' })) as Record<string, string>).CODEX_SIGN_IN ??
    '';
  return signIn;
}

const curl = ['curl', '-sS', '-m', '40', '--cacert', join(world.dir, 'authority.pem')];
const inside = (agent: string, ...args: string[]): Promise<{ status: number | null; out: string; err: string }> =>
  world.run(agent, [...curl, ...args]);
const JSON_TYPE = ['-H', 'content-type: application/json'];
const bodyOf = (more: object = {}): string =>
  JSON.stringify({
    client_id: CLIENT,
    grant_type: 'refresh_token',
    refresh_reason: 'expiry',
    refresh_token: stand,
    ...more,
  });
/** @returns status, body and all fields of the answer */
async function refresh(
  body: string = bodyOf(),
  ...more: string[]
): Promise<{ status: string; body: string; head: string }> {
  const { out, err } = await inside('coder', '-i', ...JSON_TYPE, '-d', body, ...more, `https://${HOST}/oauth/token`);
  const [head = '', ...rest] = out.split('\r\n\r\n');
  assert.equal(secretsSeen(out).length, 0, out);
  return { status: head.split(' ')[1] ?? err, body: rest.join('\r\n\r\n'), head };
}
const loginFile = (): string => join(world.dir, 'gateway/secrets/codex.login');
async function kept(): Promise<SignIn> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(world.identity as string);
  return JSON.parse(await decrypter.decrypt(readFileSync(loginFile()), 'text'));
}

const agent = (name: string, secrets: readonly object[], more: object = {}): object => ({
  name,
  egress: [
    { host: HOST, port: 443 },
    { host: 'chatgpt.com', port: 443 },
  ],
  grants: [],
  secrets,
  budget: { repeats: null },
  ...more,
});
const bound = { variable: 'CODEX_SIGN_IN', secret: 'codex', host: 'chatgpt.com', port: 443, in: ['bearer'] };
/** Another sign-in of the same harness, which is not touched. */
const spare = { ...bound, variable: 'CODEX_SPARE', secret: 'spare' };
let roots: string[] = [];
const policy = (coder: object = agent('coder', [spare, bound])): Promise<unknown> =>
  world.warden.call('policy', { roots, agents: [coder, agent('other', [bound]), agent('plain', [])] });
/** How often a person was asked for more of a budget. */
let more = 0;

before(async () => {
  const { root, files } = await startWithEndpoint(world, HOST, AT);
  roots = [root];
  world.onQuestion = ({ id, text, do: what }) => {
    if (what === 'budget.ask') more += 1;
    else findings.push(String(text));
    world.warden.reply({ id, ok: what === 'budget.ask' ? { state: 'asked', id: 7 } : {} });
  };
  await policy();
  const program = fileURLToPath(new URL('token-origin.ts', import.meta.url));
  endpoint = world.outsideBackground([process.execPath, program, AT, ...files]);
  endpoint.stderr?.pipe(process.stderr);
  const { certificate } = (await world.warden.call('secrets.authority')) as { certificate: string };
  writeFileSync(join(world.dir, 'authority.pem'), certificate, { mode: 0o644 });
  await listenTo(endpoint, (one) => {
    if (one.told) told();
    else said.push(one);
  });
  for (const name of ['coder', 'other', 'plain']) await world.agent(name);
  await login(undefined, 'spare');
});
after(async () => {
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});
beforeEach(async () => {
  await play('good');
  await login();
});

test('the placeholder is a token that says whose it is and does not end, and has nothing else of the real one', async () => {
  const [head, claims, signature] = stand.split('.');
  assert.deepEqual(JSON.parse(Buffer.from(head ?? '', 'base64url').toString()), { alg: 'RS256', typ: 'JWT' });
  assert.deepEqual(JSON.parse(Buffer.from(claims ?? '', 'base64url').toString()), {
    exp: 4_102_444_800,
    'https://api.openai.com/auth': { chatgpt_account_id: 'acc-0123', chatgpt_plan_type: 'plus' },
  });
  assert.match(signature ?? '', /^[A-Za-z0-9]{44}$/);
  const other = (await world.warden.call('secrets.placeholders', { agent: 'other' })) as Record<string, string>;
  assert.notEqual(other.CODEX_SIGN_IN, stand);
});

for (const version of ['--http1.1', '--http2']) {
  test(`a refresh sends the real token and hands back the placeholder, all else as it was (${version})`, async () => {
    const before = asked().length;
    const first = (await kept()).refresh;
    const { status, body, head } = await refresh(bodyOf(), version);
    assert.equal(status, '200', body);
    assert.deepEqual(asked().slice(before), [first]);
    const answer = JSON.parse(body);
    assert.deepEqual([answer.access_token, answer.refresh_token, answer.id_token], [stand, stand, stand]);
    assert.deepEqual([answer.token_type, answer.expires_in, answer.scope], ['Bearer', 36_000, 'openid offline_access']);
    assert.ok(body.endsWith('"big":12345678901234567890}'), 'what JavaScript cannot count is as it was');
    assert.doesNotMatch(head, /set-cookie/i);
    const now = made().at(-1);
    const { access, refresh: next } = await kept();
    assert.deepEqual([access, next], [now?.access_token, now?.refresh_token]);
    const entry = await world.recorded('secret.refreshing', ({ agent }) => agent === 'coder');
    assert.equal(entry.strength, 'acknowledged');
  });
}

test('as a form, as the standard has it', async () => {
  const form = ['grant_type=refresh_token', `client_id=${CLIENT}`, `refresh_token=${stand}`].join('&');
  const { out } = await inside('coder', '-d', form, `https://${HOST}/oauth/token`);
  assert.equal(JSON.parse(out).access_token, stand);
  assert.equal(secretsSeen(out).length, 0);
});

test('asked again at once the answer is that of before: the agent does not use up refresh tokens', async () => {
  const before = asked().length;
  assert.equal((await refresh()).status, '200');
  assert.equal((await refresh()).status, '200');
  assert.equal(asked().length, before + 1);
});

test('an endpoint that wants to be left alone is: however often the agent asks, one request goes out', async () => {
  await play('busy');
  const before = asked().length;
  for (let i = 0; i < 5; i++) {
    const { status, body } = await refresh();
    assert.deepEqual([status, body], ['503', '{"error":"temporarily_unavailable"}']);
  }
  assert.equal(asked().length, before + 1);
  await login();
  await play('good');
  assert.equal((await refresh()).status, '200', 'a new sign-in is asked for at once');
});

test('two agents at once, and the gateway itself: one refresh goes out, each has its own placeholder', async () => {
  await play('held');
  const before = asked().length;
  await login(60_000); // ends so soon that the gateway refreshes by itself
  await until(() => asked().length === before + 1);
  const other = ((await world.warden.call('secrets.placeholders', { agent: 'other' })) as Record<string, string>)
    .CODEX_SIGN_IN as string;
  const both = [
    inside('coder', ...JSON_TYPE, '-d', bodyOf(), `https://${HOST}/oauth/token`),
    inside('other', ...JSON_TYPE, '-d', bodyOf({ refresh_token: other }), `https://${HOST}/oauth/token`),
  ];
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await tell({ go: true });
  const [mine, theirs] = (await Promise.all(both)).map(({ out }) => JSON.parse(out));
  assert.deepEqual([mine.refresh_token, theirs.refresh_token], [stand, other]);
  assert.equal(asked().length, before + 1);
});

test('a client that breaks off has done no harm: what the endpoint made is kept', async () => {
  await play('held');
  const before = asked().length;
  const client = world.background('coder', [...curl, ...JSON_TYPE, '-d', bodyOf(), `https://${HOST}/oauth/token`]);
  await until(() => asked().length === before + 1);
  client.kill('SIGKILL');
  await once(client, 'exit');
  await tell({ go: true });
  await until(async () => (await kept()).refresh === made().at(-1)?.refresh_token);
});

test('tokens repeated elsewhere in the answer, in whatever spelling, are stars', async () => {
  await play('repeats');
  const { body, status } = await refresh();
  assert.equal(status, '200');
  const answer = JSON.parse(body);
  assert.match(answer.note, /^old \*{60,} new \*{60,}$/);
  assert.match(answer.spelt, /^\*+$/);
  assert.ok(Object.keys(answer).some((name) => /^\*{60,}$/.test(name)));
});

for (const mode of ['gzip', 'slow'])
  test(`an answer that comes ${mode === 'gzip' ? 'compressed although it was not to be' : 'slowly'} is an answer`, async () => {
    await play(mode);
    const { body } = await refresh();
    assert.equal(JSON.parse(body).refresh_token, stand);
    assert.equal((await kept()).refresh, made().at(-1)?.refresh_token);
  });

test('what is no answer is none: too long, no JSON; nothing is lost', async () => {
  const before = await kept();
  for (const mode of ['endless', 'page']) {
    await play(mode);
    assert.equal((await refresh()).status, '502');
  }
  assert.deepEqual(await kept(), before);
  await play('good');
  assert.equal((await refresh()).status, '200');
});

test('an answer that two readers could understand differently goes to no agent, and its last tokens are kept', async () => {
  await play('twice');
  assert.equal((await refresh()).status, '502');
  assert.equal((await kept()).access, made().at(-1)?.access_token);
});

test('a refusal of the endpoint passes, without the token, and ends the sign-in', async () => {
  await play('refuses');
  const { status, body } = await refresh();
  assert.equal(status, '401');
  assert.match(body, /^\{"error":"refresh_token_reused","you_sent":"\*+"\}$/);
  const before = asked().length;
  assert.deepEqual((await refresh()).body, '{"error":"invalid_grant"}');
  assert.equal(asked().length, before, 'a dead token is not sent again');
});

test('revoked, or signed in anew, while a refresh is under way: what came of it changes nothing', async () => {
  for (const change of [() => login(), () => world.warden.call('secrets.revoke', { name: 'codex' })]) {
    await play('held');
    const before = asked().length;
    const answer = refresh();
    await until(() => asked().length === before + 1);
    await change();
    const now = existsSync(loginFile()) ? await kept() : undefined;
    await tell({ go: true });
    assert.equal((await answer).status, '502');
    assert.deepEqual(existsSync(loginFile()) ? await kept() : undefined, now);
    const { secrets } = (await world.warden.call('secrets.list')) as { secrets: readonly { name: string }[] };
    assert.equal(secrets.filter(({ name }) => name === 'codex').length, now === undefined ? 0 : 1);
  }
});

test('tokens that cannot be written are not lost: the agent is told to try again, and they are used and written then', async () => {
  const folder = join(world.dir, 'gateway/secrets');
  const before = await kept();
  chmodSync(folder, 0o500);
  try {
    assert.equal((await refresh()).status, '502');
  } finally {
    chmodSync(folder, 0o700);
  }
  assert.deepEqual(await kept(), before);
  const lost = made().at(-1)?.refresh_token;
  assert.equal((await refresh()).status, '200');
  assert.equal(asked().at(-1), lost);
  assert.equal((await kept()).refresh, made().at(-1)?.refresh_token);
});

test('nothing but a refresh of its own sign-in goes to a token endpoint', async () => {
  const before = said.length;
  const other = ((await world.warden.call('secrets.placeholders', { agent: 'other' })) as Record<string, string>)
    .CODEX_SIGN_IN;
  for (const [body, status] of [
    [bodyOf({ refresh_token: other }), '403'],
    [bodyOf({ refresh_token: 'rt_of_somebody_else' }), '403'],
    [bodyOf({ grant_type: 'authorization_code', code: 'x' }), '403'],
    [bodyOf({ client_id: 'another' }), '403'],
    [`${bodyOf().slice(0, -1)},"refresh_token":"x"}`, '400'],
    ['[]', '400'],
    ['not json', '400'],
  ] as const)
    assert.equal((await refresh(body)).status, status, body);
  assert.equal(
    (
      await refresh(
        `grant_type=refresh_token&refresh_token=${stand}&refresh_token=x`,
        '-H',
        'content-type: application/x-www-form-urlencoded',
      )
    ).status,
    '400',
  );
  assert.equal((await refresh(bodyOf(), '-H', 'content-encoding: gzip')).status, '400');
  assert.equal(said.length, before);
  await until(() =>
    findings.some((text) => text.includes('refresh_token holds a credential that is no placeholder of this agent')),
  );
});

test('a refresh that was held for more of a budget goes nowhere once its sign-in, or the way there, is taken from the agent', async () => {
  const capped = { budget: { requests: 1, ask: true }, budgetMs: 20_000 };
  for (const without of [agent('coder', [spare], capped), agent('coder', [spare, bound], { ...capped, egress: [] })]) {
    await world.warden.call('allowances', { allowances: [] });
    await policy(agent('coder', [spare, bound], capped));
    const [sent, was] = [asked().length, more];
    const held = inside('coder', ...JSON_TYPE, '-w', '%{http_code}', '-d', bodyOf(), `https://${HOST}/oauth/token`);
    await until(() => more > was);
    await world.heeded(); // it is held now
    await policy(without);
    const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as { usage: { day: string }[] };
    const allowance = { id: 7, agent: 'coder', cap: 'requests', day: usage[0]?.day, upTo: 10_000 };
    await world.warden.call('allowances', { allowances: [allowance] });
    assert.match((await held).out, /(?:403|000)$/);
    assert.equal(asked().length, sent);
  }
  await world.warden.call('allowances', { allowances: [] });
  await policy();
});

test('a refresh counts like any request: over the cap, or again and again, it does not go out', async () => {
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as {
    usage: { requests: number }[];
  };
  const under = (budget: object): Promise<unknown> => policy(agent('coder', [spare, bound], { budget }));
  await under({ requests: (usage[0]?.requests ?? 0) + 1, repeats: null });
  const before = asked().length;
  assert.equal((await refresh()).status, '200');
  const over = await refresh();
  assert.deepEqual([over.status, asked().length], ['403', before + 1]);
  assert.match(over.body, /its budget of [0-9,]+ requests for \S+ is used up/);
  await under({ repeats: { times: 2, ms: 60_000 } });
  const statuses: string[] = [];
  for (const _ of [1, 2, 3]) statuses.push((await refresh()).status);
  assert.deepEqual(statuses, ['200', '200', '403']);
  assert.ok(findings.some((text) => text.startsWith('the same request came more than 2 times')));
  await policy();
});

test('elsewhere on that host a placeholder is refused, and what has none passes', async () => {
  const { out } = await inside('coder', '-d', `token=${stand}`, `https://${HOST}/oauth/revoke`);
  assert.match(out, /a placeholder stands in what was sent/);
  for (const path of ['/oauth//token', '/oauth/%74oken']) {
    const { out } = await inside('coder', '--path-as-is', ...JSON_TYPE, '-d', bodyOf(), `https://${HOST}${path}`);
    assert.equal(secretsSeen(out).length, 0, out);
    assert.match(out, /denied|access_token/);
  }
  assert.equal((await inside('coder', `https://${HOST}/page`)).out, 'another page');
});

test('an agent without the sign-in talks to the endpoint unread: its own business', async () => {
  const { err } = await inside('plain', `https://${HOST}/page`);
  assert.match(err, /certificate/, 'it is the endpoint’s own certificate that it sees');
});

test('the new tokens are there after a kill, and none is in the record', async () => {
  assert.equal((await refresh()).status, '200');
  const now = made().at(-1);
  world.gateway.kill('SIGKILL');
  await new Promise((resolve) => world.gateway.once('exit', resolve));
  assert.equal((await kept()).refresh, now?.refresh_token);
  const record = JSON.stringify(world.entries);
  for (const tail of ['sIgsIg', 'xY7xY7', 'aB3aB3', 'cD4cD4']) assert.ok(!record.includes(tail));
});

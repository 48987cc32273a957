import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { observeCgroups, unifiedFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { cgroupPath } from '../../src/plan/fleet.ts';
import { EGRESS_PRESETS } from '../../src/policy/egress-presets.ts';
import { NOT_ROOT, withFleet } from '../e2e/stand.ts';
import { startOrigin } from '../e2e/tls-origin.ts';
import { holdersOf, processesOf } from './holding.ts';
import { harnessFor, NOT_X64 } from './installed.ts';
import { playResponse } from './responses.ts';

// Codex as it comes from npm, signed in to a subscription that the gateway has: at its own hosts' names, which are stand-ins on this machine.

const LONG = process.env.BULKHEAD_LONG ? false : 'Codex is 404 MB: npm run test:long fetches it and has it do its turn';
const CODEX = 'node_modules/@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex';
const ACCOUNT = '0b1a5f6e-1111-4222-8333-444455556666';
const DONE = 'It is made.';
/** Where the stand-ins are: an address of the loopback that no other test has. */
const AT = `127.83.${1 + (process.pid % 200)}.${1 + (Math.trunc(process.pid / 200) % 200)}`;

/** As the preset has them, at the stand-ins. */
const EGRESS = (EGRESS_PRESETS.codex ?? []).map((rule) => ({ ...rule, address: AT }));

const coded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (kind: string, n: number): string => {
  const auth = { chatgpt_account_id: ACCOUNT, chatgpt_plan_type: 'plus', chatgpt_user_id: 'user-1' };
  const claims = {
    exp: Math.floor(Date.now() / 1000) + 36_000,
    email: 'me@mail.test',
    'https://api.openai.com/auth': auth,
  };
  return `${coded({ alg: 'RS256', kid: 'k1', typ: 'JWT' })}.${coded(claims)}.${kind}${n}${'RealSignatureOfTheIssuer'.repeat(6)}`;
};
const sign = (n: number): { id_token: string; access_token: string; refresh_token: string } => ({
  id_token: jwt('id', n),
  access_token: jwt('access', n),
  refresh_token: `rt_${n}_${'TheRealRefreshToken'.repeat(3)}`,
});
const ALL = [
  'RealSignatureOfTheIssuer',
  'TheRealRefreshToken',
  'me@mail.test',
  Buffer.from('me@mail.test').toString('base64url').slice(0, 14),
];

/** What is asked of chatgpt.com and auth.openai.com. The first access token is one that has been revoked meanwhile. */
class Service {
  readonly turns: { readonly token: string | undefined; readonly account: unknown }[] = [];
  readonly refreshes: Record<string, string>[] = [];
  readonly paths = new Set<string>();
  /** Called while a request is being answered. */
  look: () => void = () => {};

  readonly answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    const path = (request.url ?? '').replace(/\?.*$/, '');
    const token = request.headers.authorization?.replace('Bearer ', '');
    this.paths.add(`${request.headers.host}${path}`);
    const json = (status: number, value: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (path === '/oauth/token') {
      this.refreshes.push(JSON.parse(body.toString()));
      return json(200, sign(2));
    }
    if (path === '/backend-api/wham/accounts/check') {
      const workspace = { workspace_backend_origin: 'https://chatgpt.com', account_routing_override: 'NO_CONSTRAINT' };
      const account = { id: ACCOUNT, structure: 'personal', plan_type: 'plus', is_deactivated: false, ...workspace };
      return json(200, { accounts: [account], default_account_id: ACCOUNT, account_ordering: [ACCOUNT] });
    }
    if (path !== '/backend-api/codex/responses' || request.method !== 'POST') return json(404, {});
    this.look(); // takes a while, and Codex does not wait long for the rest
    this.turns.push({ token, account: request.headers['chatgpt-account-id'] });
    if (token === sign(1).access_token || token?.includes('access1')) return json(401, { detail: 'revoked' });
    const text = request.headers['content-encoding'] === 'zstd' ? zstdDecompressSync(body) : body;
    playResponse(
      [{ tool: 'exec_command', with: { cmd: 'echo done by hand > made.txt' } }, { say: DONE }],
      text.toString(),
      response,
    );
  };
}

const { folder, skip } = await harnessFor('codex', NOT_ROOT || NOT_X64 || LONG);

test('codex from npm does a turn on a sign-in that the gateway has, and refreshes it; no token is ever in the compartment', {
  skip,
}, async () => {
  await withFleet(
    '',
    async (stand) => {
      const service = new Service();
      const where = { address: AT, port: 443, also: ['auth.openai.com'] };
      const origin = await startOrigin(stand.folder, 'chatgpt.com', service.answer, where);
      try {
        stand.write(`
roots: [${origin.root}]
agents:
  coder:
    exec: { sets: [base], allow: [${join(folder, CODEX)}], ask: never }
    limits: { memory: 2G, processes: 256, cpu: 200%, disk: 512M }
    egress: ${JSON.stringify(EGRESS)}
    secrets: { CODEX_SIGN_IN: codex }
`);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        const home = join(stand.folder, '.codex');
        mkdirSync(home, { mode: 0o700 });
        const file = JSON.stringify({
          OPENAI_API_KEY: null,
          tokens: { ...sign(1), account_id: ACCOUNT },
          last_refresh: new Date().toISOString(),
        });
        writeFileSync(join(home, 'auth.json'), file, { mode: 0o600 });
        const login = await stand.bulkhead(['secrets', 'login', 'codex', '--from', '-'], { input: file });
        assert.equal(login.status, 0, login.stderr);
        assert.match(login.stdout, /secrets: \{ CODEX_SIGN_IN: codex \}\n.*piped in[\s\S]*codex logout/);
        assert.equal((await stand.bulkhead(['restart', 'coder'])).status, 0);
        const { stdout: shown } = await stand.run('coder', [
          'sh',
          '-c',
          'stat -c %a ~/.codex/auth.json; cat ~/.codex/auth.json',
        ]);
        assert.match(shown, /^600\n/);
        const { tokens } = JSON.parse(shown.slice(4));
        assert.equal(tokens.account_id, ACCOUNT);
        const group = unifiedFolder(observeCgroups(), cgroupPath(stand.fleet, 'coder')) ?? '';
        const held = { real: [] as string[], placeholder: [] as string[] };
        service.look = () => {
          const pids = processesOf(group);
          held.real.push(...ALL.flatMap((one) => holdersOf(one, pids, [])));
          held.placeholder.push(...holdersOf(tokens.access_token, pids, []));
        };
        const ways = ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '-m', 'gpt-5'];
        const said = await stand.run('coder', [join(folder, CODEX), ...ways, 'Make made.txt.']);
        assert.deepEqual([said.status, said.stdout.trim()], [0, DONE], said.stderr + [...service.paths].join('\n'));
        assert.equal((await stand.run('coder', ['cat', 'made.txt'])).stdout, 'done by hand\n');
        const last = service.turns.slice(-2);
        for (const turn of last) assert.deepEqual(turn.account, ACCOUNT);
        assert.ok(
          last.every(({ token }) => token?.includes('access2')),
          'the new token was sent',
        );
        assert.ok(service.turns[0]?.token?.includes('access1'), 'and before that the one of the sign-in');
        assert.deepEqual(
          service.refreshes.map(({ refresh_token }) => refresh_token),
          [sign(1).refresh_token],
        );
        const { stdout: after } = await stand.run('coder', ['sh', '-c', 'cat ~/.codex/auth.json']);
        assert.deepEqual(JSON.parse(after).tokens, tokens, 'it keeps what it had');
        assert.ok(held.placeholder.length > 0, 'the search finds what is there');
        assert.deepEqual(held.real, []);
        const disk = join(stand.state, 'agents/coder/disk');
        for (const one of ALL) assert.deepEqual(holdersOf(one, processesOf(group), [disk]), []);
        const asked = [...service.paths].map((path) => path.replace(/^chatgpt\.com\/backend-api\//, ''));
        const needed = ['auth.openai.com/oauth/token', 'codex/responses', 'wham/accounts/check'];
        for (const path of needed) assert.ok(asked.includes(path), path);
        const others = asked.filter((path) => ![...needed, 'codex/models', 'wham/settings/user'].includes(path));
        assert.deepEqual(others, [], 'nothing else of the account was asked for, and no telemetry went out');
        const { json } = await stand.bulkhead(['secrets', 'list', '--json']);
        assert.equal(json.secrets[0].signIn.harness, 'codex');
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
});

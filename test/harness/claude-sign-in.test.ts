import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { observeCgroups, unifiedFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { cgroupPath } from '../../src/plan/fleet.ts';
import { EGRESS_PRESETS } from '../../src/policy/egress-presets.ts';
import { NOT_ROOT, withFleet } from '../e2e/stand.ts';
import { startOrigin } from '../e2e/tls-origin.ts';
import { AnthropicModel } from './anthropic.ts';
import { holdersOf, processesOf } from './holding.ts';
import { harnessFor } from './installed.ts';

// Claude Code as it comes from npm finds its placeholder in a credential file, which says that it has ended: so Claude Code refreshes by itself, at the
// endpoint's own name, which is a stand-in on this machine.

const { folder: harness, skip } = await harnessFor(
  'claude-code',
  NOT_ROOT ||
    (process.arch === 'x64' ? false : 'the locked Claude Code is for x86-64') ||
    (process.env.BULKHEAD_LONG ? false : 'Claude Code is 381 MB: npm run test:long fetches it and has it do its turn'),
);
const AT = `127.84.${1 + (process.pid % 200)}.${1 + (Math.trunc(process.pid / 200) % 200)}`;
const token = (kind: string, n: number): string =>
  `sk-ant-${kind}01-${String(n).padStart(4, '0')}${'TheRealToken'.repeat(7)}`;
const MODEL_CALLS = (EGRESS_PRESETS.anthropic ?? []).map((rule) => ({ ...rule, address: AT }));
const HELD = {
  claudeAiOauth: {
    ...{ accessToken: '{}', refreshToken: '{}', expiresAt: 1000 },
    ...{ scopes: ['user:inference', 'user:profile'], subscriptionType: 'max' },
  },
};

test('Claude Code from npm refreshes a sign-in that the gateway has, and does a turn on it; no token is ever in the compartment', {
  skip,
}, async () => {
  const claude = join(harness, 'node_modules/@anthropic-ai/claude-code-linux-x64/claude');
  await withFleet(
    '',
    async (stand) => {
      const refreshes: Record<string, string>[] = [];
      const held: string[] = [];
      let group = '';
      const look = async (): Promise<void> =>
        void held.push(...holdersOf('TheRealTokenTheRealToken', processesOf(group), []));
      const model = new AnthropicModel([{ say: 'It is made.' }], look);
      const answer: typeof model.answer = (request, response) => {
        if (request.url !== '/v1/oauth/token') return model.answer(request, response);
        let text = '';
        request.on('data', (part) => (text += part));
        request.on('end', () => {
          refreshes.push(JSON.parse(text));
          const made = { access_token: token('oat', 2), refresh_token: token('ort', 2) };
          response.setHeader('content-type', 'application/json');
          response.end(
            JSON.stringify({ ...made, token_type: 'Bearer', expires_in: 28_800, scope: 'user:inference user:profile' }),
          );
        });
      };
      const where = { address: AT, port: 443, also: ['platform.claude.com'] };
      const origin = await startOrigin(stand.folder, 'api.anthropic.com', answer, where);
      try {
        const endpoint = { host: 'platform.claude.com', address: AT, methods: ['POST'], paths: ['/v1/oauth/token'] };
        const file = { path: '~/.claude/.credentials.json', text: JSON.stringify(HELD) };
        stand.write(`
roots: [${origin.root}]
defaults: { limits: { memory: 3G, processes: 256, cpu: 200%, disk: 512M } }
agents:
  coder:
    exec: { sets: [base, git], allow: [${claude}] }
    egress: ${JSON.stringify([...MODEL_CALLS, endpoint])}
    secrets: { CLAUDE_SIGN_IN: ${JSON.stringify({ secret: 'claude-code', to: 'api.anthropic.com', file })} }
`);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        const own = { accessToken: token('oat', 1), refreshToken: token('ort', 1), expiresAt: Date.now() + 36_000_000 };
        const input = JSON.stringify({ claudeAiOauth: own });
        const login = await stand.bulkhead(['secrets', 'login', 'claude-code', '--from', '-'], { input });
        assert.equal(login.status, 0, login.stderr);
        assert.equal((await stand.bulkhead(['restart', 'coder'])).status, 0);
        group = unifiedFolder(observeCgroups(), cgroupPath(stand.fleet, 'coder')) ?? '';
        const turn = await stand.run('coder', [claude, '-p', 'Make made.txt.']);
        const { stdout: shown } = await stand.run('coder', [
          'sh',
          '-c',
          'cat ~/.claude/.credentials.json; printf %s "$CLAUDE_SIGN_IN"',
        ]);
        assert.deepEqual(
          [turn.status, turn.stdout],
          [0, 'It is made.\n'],
          turn.stderr + shown + JSON.stringify(origin.seen.map(({ url, headers }) => [url, headers.authorization])),
        );
        assert.deepEqual(
          refreshes.map(({ refresh_token }) => refresh_token),
          [token('ort', 1)],
        );
        const calls = origin.seen.filter(({ url }) => url?.startsWith('/v1/messages'));
        assert.ok(calls.length > 0);
        for (const { headers } of calls) assert.equal(headers.authorization, `Bearer ${token('oat', 2)}`);
        const [kept, placeholder] = [
          shown.slice(0, shown.lastIndexOf('}') + 1),
          shown.slice(shown.lastIndexOf('}') + 1),
        ];
        const { accessToken, refreshToken, expiresAt } = JSON.parse(kept).claudeAiOauth;
        assert.deepEqual([accessToken, refreshToken], [placeholder, placeholder]);
        assert.ok(expiresAt > Date.now(), 'it has taken the answer');
        assert.deepEqual(held, []);
        const disk = join(stand.state, 'agents/coder/disk');
        assert.deepEqual(holdersOf('TheRealTokenTheRealToken', processesOf(group), [disk]), []);
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
});

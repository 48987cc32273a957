import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { observeCgroups, unifiedFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { cgroupPath } from '../../src/plan/fleet.ts';
import { EGRESS_PRESETS } from '../../src/policy/egress-presets.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from '../e2e/stand.ts';
import { type Origin, startOrigin } from '../e2e/tls-origin.ts';
import { AnthropicModel } from './anthropic.ts';
import { holdersOf, processesOf } from './holding.ts';
import { harnessFor } from './installed.ts';

// Claude Code as it comes from npm does a turn in a compartment, and never holds the key that the model's service sees.

const KEY = `sk-ant-api03-${'TheRealKeyOfTheOperator0'.repeat(3)}-9876`;
const HOST = 'api.anthropic.test';

/** As the preset has them: its telemetry, at the same host, is not among them. */
const MODEL_CALLS = (EGRESS_PRESETS.anthropic?.[0]?.paths ?? []).join(', ');

/** Its program is too large to be fetched at each run of the quick suite. */
const { folder: harness, skip } = await harnessFor(
  'claude-code',
  NOT_ROOT ||
    (process.arch === 'x64' ? false : 'the locked Claude Code is for x86-64') ||
    (process.env.BULKHEAD_LONG ? false : 'Claude Code is 381 MB: npm run test:long fetches it and has it do its turn'),
);

const fleet = (claude: string, { port, root }: Origin): string => `
roots: [${root}]
defaults:
  limits: { memory: 3G, processes: 256, cpu: 200%, disk: 512M }
agents:
  coder:
    exec: { sets: [base, git], allow: [${claude}] }
    env:
      ANTHROPIC_BASE_URL: https://${HOST}:${port}
    egress: [{ host: ${HOST}, port: ${port}, address: 127.0.0.1, methods: [GET, HEAD, POST], paths: [${MODEL_CALLS}] }]
    secrets:
      ANTHROPIC_API_KEY: { secret: anthropic-coder, to: "${HOST}:${port}", methods: [POST, GET, HEAD], path: /** }
`;

test('Claude Code from npm does a turn with a placeholder; the origin sees the real key, and nothing in the compartment ever holds it', {
  skip,
}, async () => {
  const claude = join(harness, 'node_modules/@anthropic-ai/claude-code-linux-x64/claude');
  const held: { key: string[]; placeholder: string[] } = { key: [], placeholder: [] };
  await withFleetBeside(
    '',
    async (stand) => {
      let placeholder = '';
      const look = async (n: number): Promise<void> => {
        if (n !== 1) return;
        const pids = processesOf(cgroupFolder(stand));
        const folders = [join(stand.state, 'agents/coder/disk')];
        held.key = holdersOf(KEY.slice(13, 60), pids, folders);
        held.placeholder = holdersOf(placeholder, pids, folders);
      };
      const write = { tool: 'Bash', with: { command: 'echo done by hand > made.txt', description: 'Make it' } };
      const model = new AnthropicModel([write, { say: 'It is made.' }], look);
      const origin = await startOrigin(stand.folder, HOST, model.answer);
      try {
        stand.write(fleet(claude, origin));
        const set = await stand.bulkhead(['secrets', 'set', 'anthropic-coder'], { input: `${KEY}\n` });
        assert.equal(set.status, 0, set.stderr);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        placeholder = (await stand.run('coder', ['sh', '-c', 'printf %s "$ANTHROPIC_API_KEY"'])).stdout;
        assert.match(placeholder, /^sk-ant-api03-[A-Za-z0-9]+$/);
        assert.equal(placeholder.length, KEY.length);
        const turn = await stand.run('coder', [claude, '-p', 'Make made.txt.', '--allowedTools', 'Bash']);
        assert.deepEqual([turn.status, turn.stdout], [0, 'It is made.\n'], turn.stderr);
        const made = await stand.run('coder', ['cat', 'made.txt']);
        assert.equal(made.stdout, 'done by hand\n');

        const messages = origin.seen.filter(({ method, url }) => method === 'POST' && url?.startsWith('/v1/messages'));
        assert.ok(messages.length >= 2);
        assert.deepEqual(messages, origin.seen, 'nothing but model calls came through');
        const denials = await stand.run('coder', ['curl', '-s', 'http://bulkhead.internal/denials']);
        assert.match(denials.stdout, /\/api\/\w+ is not what is granted/);
        for (const { headers } of messages) assert.equal(headers['x-api-key'], KEY);
        assert.ok(
          held.placeholder.some((where) => where.endsWith('memory')),
          'the search finds what is there',
        );
        assert.deepEqual(held.key, []);
        assert.deepEqual(
          holdersOf(KEY.slice(13, 60), processesOf(cgroupFolder(stand)), [join(stand.state, 'agents/coder/disk')]),
          [],
        );
        const { stdout } = await stand.bulkhead(['ledger', 'tail', '--json', '--last', '1000']);
        assert.ok(!stdout.includes(KEY));
        assert.match(stdout, /"event": ?"secret\.used"/);
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
});

function cgroupFolder({ fleet: name }: Stand): string {
  const folder = unifiedFolder(observeCgroups(), cgroupPath(name, 'coder'));
  if (folder === undefined) throw new Error('there is no unified cgroup hierarchy');
  return folder;
}

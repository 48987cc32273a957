import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inMemory, wardenOf } from './searching.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';
import { startOrigin } from './tls-origin.ts';

const ACCESS = `sk-ant-oat01-${'aB3'.repeat(30)}`;
const REFRESH = `sk-ant-ort01-${'cD4'.repeat(30)}`;

test('a sign-in is taken over from where the harness keeps it: the agent has a placeholder, the service sees the token', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside(
    '',
    async (stand) => {
      const origin = await startOrigin(stand.folder, 'api.test', (_, response) => response.end('ok\n'));
      try {
        stand.write(`
roots: [${origin.root}]
defaults: { limits: { disk: 64M } }
agents:
  one:
    exec: { allow: [curl] }
    egress: [{ host: api.test, port: ${origin.port}, address: 127.0.0.1 }]
    secrets: { CLAUDE_CODE_OAUTH_TOKEN: { secret: claude-code, to: "api.test:${origin.port}" } }
`);
        assert.equal((await stand.bulkhead(['up'])).status, 0);
        const login = (...words: string[]) =>
          stand.bulkhead(['secrets', 'login', ...words], { env: { HOME: stand.folder } });
        await t.test('what is no sign-in, and a harness that is not known, are refused in two lines', async () => {
          const file = join(stand.folder, 'other.json');
          writeFileSync(file, JSON.stringify({ claudeAiOauth: { accessToken: ACCESS } }));
          for (const [words, code] of [
            [['claude-code', '--from', file], 'holds no sign-in of claude-code'],
            [['claude-code', '--from', `${file}x`], 'cannot be read (ENOENT)'],
            [['codex', '--from', file], 'holds no sign-in of codex'],
            [['other'], '"other" is no harness whose sign-in can be taken'],
          ] as const) {
            const { status, stderr } = await login(...words);
            assert.equal(status, 2);
            assert.ok(stderr.includes(code) && stderr.trim().split('\n').length === 2, stderr);
          }
        });
        await t.test('login says what stands in fleet.yaml, and that two would refresh it', async () => {
          mkdirSync(join(stand.folder, '.claude'), { mode: 0o700 });
          const until = Date.now() + 8 * 3_600_000;
          const held = { claudeAiOauth: { accessToken: ACCESS, refreshToken: REFRESH, expiresAt: until, scopes: [] } };
          const file = join(stand.folder, '.claude/.credentials.json');
          writeFileSync(file, JSON.stringify(held), { mode: 0o600 });
          const { status, stdout, stderr } = await login('claude-code', '--from', file);
          assert.equal(status, 0, stderr);
          assert.match(stdout, /^claude-code is signed in; the gateway has the tokens, and refreshes them\./);
          assert.match(stdout, /^Delete .*credentials\.json, or sign in anew there/m);
          assert.match(stdout, /^Look at claude-code: the same value is in ~\/\.claude\/\.credentials\.json/m);
          assert.ok(!stdout.includes('aB3aB3') && !stdout.includes('cD4cD4'));
          const { json } = await stand.bulkhead(['secrets', 'list', '--json']);
          assert.deepEqual(json.secrets[0].signIn, { harness: 'claude-code', until: new Date(until).toISOString() });
        });
        await t.test(
          'the service sees the access token; the refresh token is in no process but the gateway',
          async () => {
            const line = `curl -sS -m 30 -H "Authorization: Bearer $CLAUDE_CODE_OAUTH_TOKEN" https://api.test:${origin.port}/`;
            const { stdout } = await stand.run('one', ['sh', '-c', `echo "$CLAUDE_CODE_OAUTH_TOKEN"; ${line}`]);
            assert.match(stdout, /^sk-ant-oat01-[A-Za-z0-9]{95}\nok\n$/);
            assert.equal(origin.seen[0]?.headers.authorization, `Bearer ${ACCESS}`);
            assert.deepEqual(inMemory(wardenOf(stand), [ACCESS, REFRESH]), []);
          },
        );
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOT_ROOT, type Stand, withFleet } from '../e2e/stand.ts';
import { type Origin, startOrigin } from '../e2e/tls-origin.ts';
import { HARNESSES } from './harnesses.ts';
import { harnessFor, NOT_X64 } from './installed.ts';

// Harnesses as they come from npm, whose next call of their model is refused, come to their end and show why, in our words.

const KEY = `sk-proj-${'TheRealKeyOfTheOperator0'.repeat(4)}-9876`;
const HOST = 'model.test';

interface Told {
  readonly variable: string;
  /** All that is printed about it begins so, once the budget is used up. */
  readonly begins: RegExp;
  /** How often it tries again after that. */
  readonly again: number;
  /** Refused for want of a secret, it ends at once too. */
  readonly unset?: RegExp;
}

const TOLD: Readonly<Record<'pi' | 'codex' | 'claude-code', Told>> = {
  pi: { variable: 'OPENAI_API_KEY', begins: /^402 /, again: 0 },
  codex: { variable: 'OPENAI_API_KEY', begins: /^ERROR: unexpected status 402 Payment Required: /m, again: 5 },
  'claude-code': {
    variable: 'ANTHROPIC_API_KEY',
    begins: /^API Error: 402 /,
    again: 0,
    unset:
      /^API Error: 503 Refused by Bulkhead: the secret mine is not set; your operator runs: bulkhead secrets set mine/,
  },
};

const LONG = process.env.BULKHEAD_LONG ? false : 'its program is 400 MB: npm run test:long fetches it';

for (const name of ['pi', 'codex', 'claude-code'] as const) {
  const { folder, skip } = await harnessFor(name, NOT_ROOT || (name !== 'pi' && (NOT_X64 || LONG)));
  test(`${name} from npm, its budget used up, ends by itself and says so in our words`, { skip }, () =>
    capped(name, folder),
  );
}

async function capped(name: keyof typeof TOLD, folder: string): Promise<void> {
  const harness = HARNESSES[name];
  const { variable, begins, again, unset } = TOLD[name];
  const fleet = ({ root, port }: Origin): string => `
roots: [${root}]
knowledge: { harness: ${folder} }
agents:
  coder:
    ${harness.agent(folder)}
    limits: { memory: 2G, processes: 256, cpu: 200%, disk: 512M }
    egress: [{ host: ${HOST}, port: ${port}, address: 127.0.0.1 }]
    env: { ANTHROPIC_BASE_URL: "https://${HOST}:${port}" }
    budget: { tokens: 15/day }
    secrets: { ${variable}: { secret: mine, to: "${HOST}:${port}", path: /** } }
`;
  const use = async (stand: Stand, origin: Origin): Promise<void> => {
    stand.write(fleet(origin));
    const up = await stand.bulkhead(['up']);
    assert.equal(up.status, 0, up.stdout + up.stderr);
    const settings = harness.settings(`https://${HOST}:${origin.port}`);
    assert.equal((await stand.run('coder', ['sh', '-c', settings])).status, 0);
    const calls = (): number => origin.seen.filter(({ method }) => method === 'POST').length;
    if (unset) {
      const { status, stdout, stderr } = await stand.run('coder', harness.argv(folder));
      assert.deepEqual([status, calls()], [1, 0], stderr);
      assert.match(stdout, unset);
    }
    assert.equal((await stand.bulkhead(['secrets', 'set', 'mine'], { input: KEY })).status, 0);
    const { status, stdout, stderr } = await stand.run('coder', harness.argv(folder));
    const said = stdout + stderr;
    assert.deepEqual([status, calls()], [1, 1], said);
    const sentence =
      /Refused by Bulkhead: its budget of 15 tokens for \d{4}-\d\d-\d\d is used up \([\d,]+ tokens\); wait for tomorrow, or ask your operator for more/;
    assert.match(said, new RegExp(begins.source + sentence.source, begins.flags));
    assert.doesNotMatch(said, /"denied"/);
    const denials = await stand.run('coder', ['curl', '-s', 'http://bulkhead.internal/denials']);
    const last = JSON.parse(denials.stdout).denials.at(-1);
    assert.match(last.rule, /its budget of 15 tokens/);
    assert.equal(last.count, 1 + again);
  };
  await withFleet(
    '',
    async (stand) => {
      const origin = await startOrigin(stand.folder, HOST, harness.model(harness.turns));
      try {
        await use(stand, origin);
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
}

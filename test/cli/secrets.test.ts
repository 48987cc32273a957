import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { removeTree } from '../../src/host/files/mounts.ts';
import { Failure } from '../../src/model/failure.ts';
import { placesOf } from '../../src/plan/places.ts';
import { parsed } from '../config/reading.ts';
import { type Answers, bulkhead, standIn } from './stand-in.ts';

const KEY = `sk-proj-${'a1B2'.repeat(10)}`;
const DOTENV = `OPENAI_API_KEY=${KEY}
API_TOKEN=tok_another_value_9999
DEBUG=true
PASSWORD=correct horse battery
what is this
OPENAI_API_KEY=${KEY}-newer
`;

/** A warden that has `api-token`, used by two agents. */
async function keeper(more: Answers = {}): Promise<Answers> {
  const recipient = await identityToRecipient(await generateX25519Identity());
  return {
    'secrets.recipient': () => ({ recipient }),
    'secrets.list': () => ({
      secrets: [{ name: 'api-token', state: 'set', since: '2026-01-01T00:00:00Z', usedBy: [] }],
    }),
    'secrets.set': () => ({ replaced: false, ended: 0, tookMs: 1, findings: [], usedBy: [] }),
    ...more,
  };
}

test('set says that no agent uses a name, and what is still to be set', async () => {
  const secrets = [
    { name: 'anthropic-codr', state: 'set', since: '2026-01-01T00:00:00Z', usedBy: [] },
    {
      name: 'anthropic-coder',
      state: 'missing',
      usedBy: [{ agent: 'coder', variable: 'ANTHROPIC_API_KEY', host: 'a.test' }],
    },
  ];
  await using there = await standIn(await keeper({ 'secrets.list': () => ({ secrets }) }));
  const set = (name: string, value: string) =>
    bulkhead(['secrets', 'set', name, '--state', there.state], {}, undefined, undefined, value);
  const { stdout, stderr } = await set('anthropic-codr', KEY);
  assert.equal(stderr, '');
  assert.match(stdout, /^anthropic-codr is set, and in force\.\nNo agent uses it\. .*VARIABLE: anthropic-codr/);
  assert.match(stdout, /^Still to be set: anthropic-coder\.$/m);
});

test('a sign-in is shown as one, and rotate does not put a token in its place', async () => {
  const since = new Date(Date.now() - 330_000).toISOString();
  const signIn = { harness: 'claude-code', until: '2030-01-01T00:00:00Z' };
  const one = { name: 'mine', state: 'set', since, usedBy: [], signIn };
  const other = { ...one, name: 'theirs', signIn: { ...signIn, refused: 'invalid_grant' } };
  await using there = await standIn(await keeper({ 'secrets.list': () => ({ secrets: [one, other] }) }));
  const { stdout } = await bulkhead(['secrets', 'list', '--state', there.state]);
  assert.match(stdout, /^mine +signed in +5 min ago +by itself +-$/m);
  assert.match(stdout, /^theirs +signed out +5 min ago +- +-$/m);
  const rotated = await bulkhead(['secrets', 'rotate', 'mine', '--state', there.state], {}, undefined, undefined, KEY);
  assert.deepEqual([rotated.exit, rotated.stdout], [1, '']);
  assert.match(
    rotated.stderr,
    /^mine is a sign-in, .*\nFor another sign-in: bulkhead secrets login claude-code --as mine\. .*\n$/,
  );
  assert.ok(!there.asked.some((line) => line.includes('secrets.rotate')));
});

test('while nothing runs it is known all the same who uses what, and what is missing', async () => {
  await using there = await standIn(undefined);
  const fleet = parsed(
    'fleet: home\nagents:\n  a:\n    egress: [x.test]\n    secrets: { KEY: { secret: mine, to: x.test } }\n',
  );
  writeFileSync(placesOf(there.state).wanted, JSON.stringify(fleet));
  const { stdout, stderr } = await bulkhead(['secrets', 'list', '--state', there.state]);
  assert.equal(stderr, '');
  assert.match(stdout, /^mine +missing +- +a KEY \(x\.test\)$/m);
});

test('a value that cannot be one is refused with what would be one', async () => {
  await using there = await standIn(await keeper());
  const refused = async (value: string): Promise<string> => {
    const ran = await bulkhead(['secrets', 'set', 'hook', '--state', there.state], {}, undefined, undefined, value);
    assert.deepEqual([ran.exit, ran.stdout], [2, '']);
    return ran.stderr;
  };
  assert.match(await refused('export KEY="abcdefgh"'), /holds a space.*\nGive the key or token alone/);
  assert.match(
    await refused('https://hooks.slack.com/services/T0/B0/abcdefgh'),
    /a whole address\nGive what follows https:\/\/hooks\.slack\.com\/services\/ in it/,
  );
  assert.match(await refused(''), /is empty\nprintf/);
  assert.deepEqual(
    there.asked.filter((line) => line.includes('secrets.set')),
    [],
  );
});

async function withFile(use: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bh-dotenv-'));
  const file = join(folder, '.env');
  writeFileSync(file, DOTENV);
  try {
    await use(file);
  } finally {
    removeTree(folder);
  }
}

const setNames = (asked: readonly string[]): string[] =>
  asked.flatMap((line) => /^warden secrets\.set \{"name":"([^"]+)"/.exec(line)?.[1] ?? []);

test('import keeps what is new, replaces nothing that is set, and says what it left in the file', async () => {
  await using there = await standIn(await keeper());
  await withFile(async (file) => {
    const { stdout, stderr, exit } = await bulkhead(['secrets', 'import', file, '--state', there.state]);
    assert.deepEqual([exit, stderr], [0, '']);
    assert.deepEqual(setNames(there.asked), ['openai-api-key']);
    assert.match(stdout, /^Kept 1: openai-api-key\.$/m);
    assert.match(stdout, /^Already set, and left as it is: api-token\. With the value from here: .*--replace$/m);
    assert.match(stdout, /^Not kept, though it looks like a secret: PASSWORD \(line 4\): it holds a space, /m);
    assert.match(stdout, /^Not understood: line 5\.$/m);
    assert.match(stdout, /OPENAI_API_KEY: openai-api-key/);
    assert.ok(!stdout.includes('Then delete'), 'the file holds more than what was kept');
    assert.ok(!stdout.includes('horse'));
  });
});

test('import --replace gives those that are set the values from the file, and --json says all of it', async () => {
  await using there = await standIn(await keeper());
  await withFile(async (file) => {
    const { stdout, exit } = await bulkhead(['secrets', 'import', file, '--replace', '--json', '--state', there.state]);
    assert.equal(exit, 0);
    assert.deepEqual(setNames(there.asked), ['openai-api-key', 'api-token']);
    assert.deepEqual(JSON.parse(stdout), {
      imported: [
        { variable: 'OPENAI_API_KEY', secret: 'openai-api-key', replaced: false },
        { variable: 'API_TOKEN', secret: 'api-token', replaced: true },
      ],
      alreadySet: [],
      left: [
        {
          variable: 'PASSWORD',
          line: 4,
          why: 'holds a space, a line feed or another character that is not printable ASCII',
        },
      ],
      notUnderstood: [5],
      findings: [],
    });
  });
});

test('an import that is stopped in the middle says what it kept before', async () => {
  let sets = 0;
  await using there = await standIn(
    await keeper({
      'secrets.list': () => ({ secrets: [] }),
      'secrets.set': () => {
        if (++sets > 1) throw new Failure('no-gateway', 'The gateway is not running.', 'It is being started again.', 1);
        return { replaced: false, ended: 0, tookMs: 1, findings: [], usedBy: [] };
      },
    }),
  );
  await withFile(async (file) => {
    const { stdout, stderr, exit } = await bulkhead(['secrets', 'import', file, '--state', there.state]);
    assert.deepEqual([exit, stdout], [1, '']);
    assert.deepEqual(stderr.split('\n').slice(0, 2), [
      'The gateway is not running.',
      'It is being started again. Kept before that: openai-api-key; run it again for the rest.',
    ]);
  });
});

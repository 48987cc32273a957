import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agentName } from '../../../src/model/names.ts';
import { glob, matches } from '../../../src/policy/command/glob.ts';
import { commandPolicy, judgeCommand } from '../../../src/policy/command/judge.ts';
import { redactArgv } from '../../../src/policy/command/redact.ts';
import { matchesNarrowly, matchesWidely, parseRule } from '../../../src/policy/command/rule.ts';
import { wordsOf } from '../../../src/policy/command/words.ts';
import { commandSubject, shownCommand } from '../../../src/policy/question/command.ts';
import { decidingEnvironment } from '../../../src/policy/question/deciding-environment.ts';
import { FUZZ } from '../../protocol/seed.ts';

/** 100,000 in the long form (`npm run test:long`). */
const RUNS = { ...FUZZ, numRuns: process.env.BULKHEAD_LONG === '1' ? 100_000 : FUZZ.numRuns };

const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const bytes = fc.array(byte, { maxLength: 24 }).map((all) => all.join(''));
const tellingWords = fc.constantFrom(
  ...[
    'git',
    'push',
    '-C',
    '--force',
    '--',
    '-',
    '',
    '*',
    '**',
    '--token',
    'a=b',
    '\u00e2\u0080\u00ae',
    '\x1b[31m',
    '\\x41',
    "'",
    '"',
  ],
);
const word = fc.oneof({ weight: 2, arbitrary: bytes }, { weight: 3, arbitrary: tellingWords });
const argv = fc.oneof(
  { weight: 100, arbitrary: fc.array(word, { maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(word, fc.integer({ min: 100, max: 3000 })).map(([w, n]) => Array.from({ length: n }, () => w)),
  },
);
const env = fc.array(
  fc
    .tuple(fc.constantFrom('LD_PRELOAD', 'GIT_DIR', 'PATH', 'X', '', 'NODE_OPTIONS'), bytes)
    .map(([name, value]) => `${name}=${value}`),
  { maxLength: 8 },
);

const policy = commandPolicy(
  {
    ...{ sets: [], allow: [], deny: ['nc'], own: 'never', ask: 'never' },
    denyArgv: [['git', 'push', '--force', '**']],
    askArgv: [
      ['git', '*', 'push', '**'],
      ['rm', '-rf', '**'],
    ],
    allowArgv: [
      ['git', 'log', '**'],
      ['a', '--x=*', '*'],
    ],
  },
  ['ls'],
);

test('whatever bytes an argv and an environment are made of, they are judged and shown, and nothing throws', () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(argv, env, bytes, (argv, environment, cwd) => {
      const [name = 'git'] = argv;
      const program = { name, path: `/usr/bin/${name}`, digest: 'd' };
      const verdict = judgeCommand(policy, { program, argv });
      assert.ok(['allow', 'ask', 'deny'].includes(verdict.kind));
      if (argv.length === 0) assert.equal(verdict.kind, 'deny');
      const terms = { program, argv, cwd, environment: decidingEnvironment(environment, { PATH: '/usr/bin' }) };
      const subject = commandSubject(agentName('a'), terms);
      assert.match(subject.shown, /^[\x20-\x7e]*$/, 'only visible ASCII');
      // Shown is what is judged is what runs: two that differ never look the same.
      const before = seen.get(subject.shown);
      if (before !== undefined) assert.equal(before, subject.digest, `two commands are shown as ${subject.shown}`);
      seen.set(subject.shown, subject.digest);
      assert.equal(shownCommand(terms), subject.shown);
      assert.equal(redactArgv(argv).length, argv.length);
    }),
    RUNS,
  );
});

test('whatever text a rule is, it is read or refused, and a rule of plain words matches itself', () => {
  const text = fc.array(fc.oneof(tellingWords, fc.string({ maxLength: 8 })), { maxLength: 8 });
  fc.assert(
    fc.property(text, (words) => {
      wordsOf(words.join(' '));
      const rule = parseRule(words);
      if (typeof rule === 'string') return;
      const itself = words.slice(1).filter((one, i, all) => !(one === '**' && i === all.length - 1));
      if (!itself.every((one) => /^[a-z=-]*$/.test(one))) return;
      assert.equal(matchesWidely(rule, itself), true, JSON.stringify(words));
      assert.equal(matchesNarrowly(rule, itself), true, JSON.stringify(words));
    }),
    FUZZ,
  );
});

test('what a rule allows, the same rule would have asked about: narrow is never wider than wide', () => {
  const small = fc.constantFrom('a', 'b', '-a', '--b', '--b=x', '--', '*');
  fc.assert(
    fc.property(
      fc.array(small, { maxLength: 5 }),
      fc.boolean(),
      fc.array(small, { maxLength: 6 }),
      (words, rest, args) => {
        const rule = parseRule(['p', ...words, ...(rest ? ['**'] : [])]);
        assert.ok(typeof rule !== 'string');
        if (matchesNarrowly(rule, args)) assert.equal(matchesWidely(rule, args), true);
      },
    ),
    { ...FUZZ, numRuns: 20_000 },
  );
});

test('a pattern matches what the same regular expression matches', () => {
  const small = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 7 }).map((all) => all.join(''));
  fc.assert(
    fc.property(small, small, (pattern, word) => {
      const plain = word.replaceAll('*', 'a');
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      assert.equal(matches(glob(pattern), plain), expression.test(plain), `${pattern} ${plain}`);
    }),
    { ...FUZZ, numRuns: 20_000 },
  );
});

test('a secret in an argv does not get into the record', () => {
  const hidden = (argv: readonly string[]): string => redactArgv(argv).join(' ');
  for (const argv of [
    ['curl', '-H', 'Authorization: Bearer hunter2hunter2', 'https://x'],
    ['mysql', '--password=hunter2'],
    ['tool', '--api-key', 'hunter2'],
    ['env', 'GITHUB_TOKEN=hunter2', 'x'],
    ['git', 'clone', 'https://me:hunter2@example.com/x'],
  ])
    assert.doesNotMatch(hidden(argv), /hunter2/, argv.join(' '));
  assert.match(hidden(['echo', `ghp_${'a1'.repeat(18)}`]), /redacted/);
  assert.equal(hidden(['git', 'log', '--author=me']), 'git log --author=me');
});

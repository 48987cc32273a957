import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WantedExec } from '../../../src/model/fleet.ts';
import { commandPolicy, judgeCommand } from '../../../src/policy/command/judge.ts';
import { matchesNarrowly, matchesWidely, parseRule, type Rule } from '../../../src/policy/command/rule.ts';
import { wordsOf } from '../../../src/policy/command/words.ts';

function rule(text: string): Rule {
  const parsed = parseRule(wordsOf(text) ?? []);
  assert.ok(typeof parsed !== 'string', `${text}: ${parsed}`);
  return parsed;
}
const args = (text: string): string[] => wordsOf(text)?.slice(1) ?? [];
const wide = (pattern: string, text: string): boolean => matchesWidely(rule(pattern), args(text));
const narrow = (pattern: string, text: string): boolean => matchesNarrowly(rule(pattern), args(text));

test('what is asked or denied is found wherever its options stand, and whatever others stand beside them', () => {
  for (const text of [
    'git push',
    'git push origin main',
    'git -C /elsewhere push origin',
    'git --no-pager -c a=b push',
    'git push --force origin',
    'git --git-dir /x push',
  ])
    assert.equal(wide('git push **', text), true, text);
  for (const text of ['git status', 'git log push', 'git', 'git commit -m push'])
    assert.equal(wide('git push **', text), false, text);
});

test('an option of a rule is found in a cluster, shortened, with its value joined or apart', () => {
  for (const text of ['rm -rf x', 'rm -fr x', 'rm -r -f x', 'rm x -f -r', 'rm -Rvrf y'])
    assert.equal(wide('rm -rf **', text), true, text);
  assert.equal(wide('rm -rf **', 'rm -r x'), false);
  for (const text of ['git push --force', 'git push --forc', 'git push --force=yes', 'git push origin --fo'])
    assert.equal(wide('git push --force **', text), true, text);
  assert.equal(wide('git push --force **', 'git push origin'), false);
  for (const text of ['wget --post-file=/etc/x u', 'wget --post-file /etc/x u', 'wget u --post-fi=/etc/x'])
    assert.equal(wide('wget --post-file=/etc/* **', text), true, text);
  assert.equal(wide('wget --post-file=/etc/* **', 'wget --post-file=/home/x u'), false);
});

test('what is allowed is allowed exactly as written', () => {
  assert.equal(narrow('git log **', 'git log -p --stat'), true);
  assert.equal(narrow('git log **', 'git -c core.pager=evil log'), false);
  assert.equal(narrow('git log **', 'git --exec-path=/tmp log'), false);
  assert.equal(narrow('jq . *', 'jq . file.json'), true);
  assert.equal(narrow('jq . *', 'jq . --rawfile'), false, 'a star takes no option');
  assert.equal(narrow('jq . *', 'jq . a b'), false);
  assert.equal(narrow('tool', 'tool'), true);
  assert.equal(narrow('tool', 'tool x'), false);
  assert.equal(
    narrow('ls --color=* *', 'ls dir --color=auto'),
    true,
    'what brings its value with it may stand anywhere',
  );
  assert.equal(narrow('ls --color=* *', 'ls dir'), false);
  assert.equal(narrow('head -n 5 *', 'head 5 -n f'), false);
  assert.equal(narrow('x a\\*b', 'x a*b'), true);
  assert.equal(narrow('x a\\*b', 'x aXb'), false);
});

test('a rule that could not mean what it says is refused', () => {
  for (const text of ['', '* push', 'git ** push', './x y', 'g\\*t **', 'git** x'])
    assert.equal(typeof parseRule(wordsOf(text) ?? []), 'string', text);
  assert.equal(wordsOf("git 'x"), undefined);
  assert.deepEqual(wordsOf(`a "b c" 'd "e' ""`), ['a', 'b c', 'd "e', '']);
});

const exec = (more: Partial<WantedExec>): WantedExec => ({
  sets: [],
  allow: [],
  deny: [],
  own: 'never',
  ask: 'never',
  ...more,
});
const command = (text: string, path = `/usr/bin/${text.split(' ')[0]}`) => ({
  program: { name: text.split(' ')[0] ?? '', path },
  argv: wordsOf(text) ?? [],
});

test('the strictest match wins', () => {
  const policy = commandPolicy(
    exec({
      deny: ['nc'],
      denyArgv: [['git', 'push', '--force', '**']],
      askArgv: [
        ['git', 'push', '**'],
        ['awk', '**'],
      ],
      allowArgv: [
        ['git', 'push', 'origin', 'main'],
        ['jq', '.', '*'],
      ],
    }),
    ['git', 'ls'],
  );
  const judged = (text: string, path?: string): string => judgeCommand(policy, command(text, path)).kind;
  assert.equal(judged('git status'), 'allow');
  assert.equal(judged('git push origin main'), 'ask', 'an allowing rule does not undo an asking one');
  assert.equal(judged('git push -f --force'), 'deny');
  assert.equal(judged('jq . x'), 'allow');
  assert.equal(judged('jq -f x'), 'deny', 'what only a rule allows is else a miss');
  assert.equal(judged('nc x'), 'deny');
  assert.equal(judged('awk 1', '/usr/bin/mawk'), 'ask');
  assert.equal(judgeCommand({ ...policy, onMiss: 'ask' }, command('base64 f')).kind, 'ask');
  assert.equal(judgeCommand(policy, { program: { name: 'ls', path: '/usr/bin/ls' }, argv: [] }).kind, 'deny');
  assert.equal(
    judgeCommand(policy, { program: { name: 'busybox', path: '/usr/bin/git' }, argv: ['awk', 'x'] }).kind,
    'ask',
    'the name it calls itself makes it stricter',
  );
  assert.equal(
    judgeCommand(policy, { program: { name: 'curl', path: '/usr/bin/curl' }, argv: ['ls'] }).kind,
    'deny',
    'the name it calls itself allows nothing',
  );
});

test('what is allowed of one name of a program is not allowed of another', () => {
  const exec: WantedExec = {
    ...{ sets: [], allow: [], deny: [], own: 'never', ask: 'on-miss' },
    allowArgv: [
      ['busybox', 'ls', '**'],
      ['/usr/bin/tool', '**'],
    ],
  };
  const judge = (name: string, path: string, ...argv: string[]): string =>
    judgeCommand(commandPolicy(exec, []), { program: { name, path }, argv }).kind;
  assert.equal(judge('busybox', '/usr/bin/busybox', 'busybox', 'ls', '-l'), 'allow');
  assert.equal(judge('busybox', '/usr/bin/busybox', '/bin/busybox', 'ls'), 'allow');
  assert.equal(judge('busybox', '/usr/bin/busybox', 'busybox', 'wget', 'ls'), 'ask');
  assert.equal(judge('busybox', '/usr/bin/busybox', 'wget', 'ls'), 'ask', 'called by another name');
  assert.equal(judge('wget', '/usr/bin/busybox', 'wget', 'ls'), 'ask', 'a link to it');
  assert.equal(judge('tool', '/usr/bin/tool', 'tool', 'x'), 'allow', 'by its path');
});

test('ten thousand rules cost what ten cost', () => {
  const rules = (count: number): string[][] =>
    Array.from({ length: count }, (_, i) => (i % 2 ? [`tool${i}`, 'x', '**'] : ['git', `word${i}`, '**']));
  const few = commandPolicy(exec({ askArgv: rules(10) }), ['git']);
  const many = commandPolicy(exec({ askArgv: rules(10_000) }), ['git']);
  const one = command('git commit -m message --author me file another');
  const time = (policy: typeof few): number => {
    const begun = process.cpuUsage(); // not wall time: the machine is shared
    for (let i = 0; i < 20_000; i++) judgeCommand(policy, one);
    return process.cpuUsage(begun).user;
  };
  time(few);
  time(many);
  const ratios = Array.from({ length: 7 }, () => time(many) / time(few)).sort((a, b) => a - b);
  const median = ratios[3] ?? Number.NaN;
  assert.ok(median < 1.5, `10,000 rules take ${median.toFixed(2)} times as long as 10`);
});

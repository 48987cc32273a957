import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentName } from '../../src/model/names.ts';
import type { Question, QuestionState } from '../../src/model/question.ts';
import * as life from '../../src/policy/approval.ts';
import { EXEC_SETS } from '../../src/policy/exec-sets.ts';
import { startsOthers } from '../../src/policy/launchers.ts';
import { commandSubject } from '../../src/policy/question/command.ts';
import { destinationSubject } from '../../src/policy/question/destination.ts';
import { suggestions } from '../../src/policy/suggestions.ts';

const coder = agentName('coder');
let id = 0;
const answered = (subject: Parameters<typeof life.ask>[0], state: QuestionState, uses = 1): Question => ({
  ...life.ask(subject, ++id, 0, 1000),
  ...{ state, uses, answer: { scope: { kind: 'once' }, by: 0, at: 0, until: 1 } },
});
const host = (name: string, state: QuestionState = 'used'): Question =>
  answered(destinationSubject(coder, { host: name, port: 443 }), state);
const command = (name: string, state: QuestionState = 'used', path = `/usr/bin/${name}`): Question =>
  answered(
    commandSubject(coder, { program: { name, path, digest: name }, argv: [name], cwd: '/', environment: [] }),
    state,
  );
const lines = (questions: readonly Question[]): string[] => suggestions(questions).map(({ line }) => line);

test('what was approved becomes a line, the most approved first', () => {
  assert.deepEqual(lines([host('a.test'), host('b.test'), host('b.test'), command('base32')]), [
    'agents.coder.egress: [b.test]',
    'agents.coder.egress: [a.test]',
    'agents.coder.exec.allow: [base32]',
  ]);
});

test('how often people said yes decides before how often it was used', () => {
  const often = { ...host('a.test'), uses: 9 };
  assert.deepEqual(lines([often, host('b.test'), host('b.test')]), [
    'agents.coder.egress: [b.test]',
    'agents.coder.egress: [a.test]',
  ]);
});

test('what nobody said yes to, or what was taken back or refused since, is not proposed', () => {
  assert.deepEqual(lines([host('a.test', 'expired'), host('b.test', 'refused'), host('c.test', 'withdrawn')]), []);
  assert.deepEqual(lines([host('a.test'), host('a.test', 'withdrawn')]), []);
  assert.deepEqual(lines([host('a.test'), host('a.test', 'refused')]), []);
  assert.deepEqual(lines([host('a.test', 'refused'), host('a.test')]), ['agents.coder.egress: [a.test]']);
});

test('programs that start others, read a language or change permissions are never proposed', () => {
  const names = [
    'bash',
    'env',
    'find',
    'xargs',
    'git',
    'tar',
    'ssh',
    'awk',
    'vim',
    'python3.11',
    'perl',
    'node',
    'sudo',
    'chmod',
    'setfacl',
  ];
  for (const name of [
    ...names,
    'ld-linux-x86-64.so.2',
    'make',
    'rsync',
    'curl',
    'less',
    'gcc-12',
    'docker',
    'npm',
    'sqlite3',
  ])
    assert.deepEqual(lines([command(name)]), [], name);
  assert.deepEqual(lines([command('innocent', 'used', '/usr/bin/perl')]), [], 'by another name too');
  for (const name of ['base32', 'wc', 'jq', 'sha256sum', 'ls', 'cat', 'date'])
    assert.equal(startsOthers(name), false, name);
  const set = EXEC_SETS.base.programs.filter((name) => !startsOthers(name));
  assert.ok(set.length > 50, 'the list would refuse most ordinary tools');
});

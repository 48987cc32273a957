import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElevatedRule } from '../../../src/model/elevated.ts';
import { characterSet, whyNotElevated } from '../../../src/model/elevated.ts';
import { matchElevated } from '../../../src/policy/elevated/match.ts';
import { notElevated } from '../../../src/policy/elevated/programs.ts';

function rule(run: string, types: ElevatedRule['with'] = {}, more: Partial<ElevatedRule> = {}): ElevatedRule {
  return { run: run.split(' '), with: types, as: 'root', ask: false, time: 1000, ...more };
}

const RULES: readonly ElevatedRule[] = [
  rule('systemctl restart {unit}', { unit: { kind: 'words', words: ['web', 'worker'] } }),
  rule('journalctl --lines={n} -u web', { n: { kind: 'integer', least: 1, most: 500 } }),
  rule('deploy {tag}', { tag: { kind: 'text', characters: 'a-z0-9.-', most: 20 } }),
  rule('chown web {file}', { file: { kind: 'path', below: '/srv/web' } }),
  rule('deploy now', {}, { ask: true }),
];

const matched = (line: string | readonly string[]): number | undefined =>
  matchElevated(RULES, typeof line === 'string' ? line.split(' ') : line)?.index;

test('exactly the words of a rule match it, with arguments of its types', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['systemctl restart web', 0],
    ['systemctl restart worker', 0],
    ['journalctl --lines=1 -u web', 1],
    ['journalctl --lines=500 -u web', 1],
    ['deploy v1.2-rc', 2],
    ['chown web /srv/web/a/b', 3],
  ];
  for (const [line, index] of cases) assert.equal(matched(line), index, line);
});

test('what is nearly a rule matches nothing', () => {
  const long = 'a'.repeat(21);
  for (const line of [
    'systemctl restart',
    'systemctl restart web worker',
    'systemctl restart -- web',
    'systemctl -H root@host restart web',
    'systemctl restart web.',
    'systemctl restart WEB',
    '/usr/bin/systemctl restart web',
    'journalctl --lines=0 -u web',
    'journalctl --lines=501 -u web',
    'journalctl --lines=05 -u web',
    'journalctl --lines=+5 -u web',
    'journalctl --lines=5e1 -u web',
    'journalctl --lines= -u web',
    'deploy -f',
    'deploy .',
    'deploy ..',
    'deploy a/b',
    `deploy ${long}`,
    'chown web /srv/web',
    'chown web /srv/web/',
    'chown web /srv/web/../x',
    'chown web /srv/web/./x',
    'chown web /srv/web//x',
    'chown web /srv/website/x',
    'chown web srv/web/x',
  ])
    assert.equal(matched(line), undefined, line);
  for (const argv of [
    ['systemctl', 'restart', 'web\n'],
    ['systemctl', 'restart', 'web\0'],
    ['systemctl', 'restart', ' web'],
    ['systemctl', 'restart', ''],
    ['systemctl restart web'],
    ['systemctl', 'restart', 'w\u0435b'],
    ['chown', 'web', '/srv/web/a\nb'],
    ['deploy', ''],
    ['deploy', 'a\u0301'],
    [],
    [''],
  ])
    assert.equal(matched(argv), undefined, JSON.stringify(argv));
});

test('a rule that asks comes before one that does not', () => {
  assert.equal(matched('deploy now'), 4);
});

test('a rule that says too little, or too much, is refused with the reason', () => {
  const cases: readonly (readonly [ElevatedRule, RegExp])[] = [
    [rule('systemctl restart *'), /wildcard/],
    [rule('systemctl restart we?'), /wildcard/],
    [rule('systemctl restart {unit}'), /does not say what \{unit\} may be/],
    [rule('systemctl restart', { unit: { kind: 'words', words: ['a'] } }), /has no \{unit\}/],
    [rule('{program} x', { program: { kind: 'words', words: ['a'] } }), /program/],
    [rule('./x y'), /program/],
    [rule('x {a}{b}', { a: { kind: 'words', words: ['a'] }, b: { kind: 'words', words: ['b'] } }), /two arguments/],
    [rule('x {a}', { a: { kind: 'words', words: [] } }), /no words/],
    [rule('x {a}', { a: { kind: 'words', words: ['*'] } }), /wildcard/],
    [rule('x {a}', { a: { kind: 'integer', least: 5, most: 4 } }), /range/],
    [rule('x {a}', { a: { kind: 'text', characters: 'a-z/', most: 4 } }), /slash/],
    [rule('x {a}', { a: { kind: 'text', characters: 'a-z', most: 4000 } }), /256/],
    [rule('x {a}', { a: { kind: 'path', below: '/' } }), /folder/],
    [rule('x {a}', { a: { kind: 'path', below: '/srv/../etc' } }), /folder/],
    [{ ...rule('x'), run: ['x', 'a\nb'] }, /control/],
  ];
  for (const [one, why] of cases) assert.match(whyNotElevated(one)?.problem ?? 'accepted', why, one.run.join(' '));
  for (const one of RULES) assert.equal(whyNotElevated(one), undefined);
});

test('programs whose command line says nothing about what they do are refused', () => {
  for (const name of [
    'bash',
    '/bin/sh',
    'python3.11',
    'perl',
    'vim',
    'less',
    'man',
    'env',
    'sudo',
    'awk',
    'sed',
    'make',
    'ssh',
  ])
    assert.ok(notElevated(name), name);
  assert.ok(notElevated('/lib64/ld-linux-x86-64.so.2'));
  for (const name of ['systemctl', 'service', 'chown', 'apt-get', 'reboot', 'nginx', '/usr/sbin/nft', 'docker'])
    assert.equal(notElevated(name), undefined, name);
});

test('a dash between two letters is a range, elsewhere it is itself', () => {
  assert.deepEqual([...(characterSet('a-c_.-') ?? [])].sort(), ['-', '.', '_', 'a', 'b', 'c']);
  for (const bad of ['', 'a b', '/', 'z-a', '\n', 'é']) assert.equal(characterSet(bad), undefined, bad);
});

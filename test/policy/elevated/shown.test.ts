import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElevatedRule } from '../../../src/model/elevated.ts';
import { elevatedText } from '../../../src/policy/elevated/text.ts';
import { publicText } from '../../../src/policy/notice.ts';
import { tried } from '../../../src/policy/tried.ts';

test('a rule is one line with what each argument may be, its user, and whether a person is asked', () => {
  const rule: ElevatedRule = {
    run: ['x', '{a}', '--n={b}', '{c}', '{d}', '{Names}'],
    with: {
      a: { kind: 'words', words: ['web', 'db'] },
      b: { kind: 'integer', least: 1, most: 9 },
      c: { kind: 'text', characters: 'a-z', most: 8 },
      d: { kind: 'path', below: '/srv' },
    },
    ...{ as: 'root', ask: true, time: 1000 },
  };
  const text = 'x {a: web|db} --n={b: 1..9} {c: 1 to 8 of a-z} {d: below /srv} {Names} (as root, asked)';
  assert.equal(elevatedText(rule), text);
});

test('the record and notices have an elevated command without what looks like a secret', () => {
  const terms = { argv: ['x', '--token', 'hunter2'], as: 'root', program: { path: '/usr/bin/x', digest: '0' } };
  assert.equal(
    publicText({ kind: 'elevated', shown: '', terms }),
    "x --token '[redacted]' (as root outside: /usr/bin/x)",
  );
});

test('what was refused outside is among what was tried, once, with the key that would allow it', () => {
  const at = { time: '2026-11-21T12:00:00.000Z', agent: 'a' };
  const argv = ['systemctl', 'stop', 'web'];
  const found = tried('a', [
    { ...at, index: 1, event: 'elevated.refused', argv, why: 'no elevated command of fleet.yaml is this one' },
    { ...at, index: 2, event: 'exec.denied', path: '/usr/bin/bulkhead-do', argv: ['bulkhead-do', ...argv], rule: 'x' },
  ]);
  assert.deepEqual(
    found.map(({ kind, what, count, allow }) => [kind, what, count, allow]),
    [['command', 'bulkhead-do systemctl stop web', 1, 'agents.a.elevated: [{ run: ..., as: USER }]']],
  );
});

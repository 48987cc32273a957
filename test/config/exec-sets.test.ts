import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { isPlainPath, isProgram } from '../../src/model/programs.ts';
import { allowedPrograms, EXEC_SETS } from '../../src/policy/exec-sets.ts';

const NONE = { sets: [], allow: [], deny: [], own: 'never', ask: 'never' } as const;

test('every name in a set is a program, every tree an absolute path, nothing stands twice', () => {
  for (const [name, { programs, trees }] of Object.entries(EXEC_SETS)) {
    assert.ok(
      programs.every((program) => isProgram(program) && !program.includes('/')),
      name,
    );
    assert.ok(
      trees.every((tree) => isPlainPath(tree) && tree.split('/').length >= 4),
      name,
    );
    assert.equal(new Set([...programs, ...trees]).size, programs.length + trees.length, name);
  }
});

test('no set has what another principal lends its rights to, or what talks to another host by itself but curl and git', () => {
  const all = Object.values(EXEC_SETS).flatMap(({ programs }) => programs);
  for (const never of [
    'su',
    'sudo',
    'passwd',
    'mount',
    'newgrp',
    'chsh',
    'pkexec',
    'bwrap',
    'nsenter',
    'unshare',
    'ssh',
    'scp',
    'nc',
    'wget',
    'perl',
    'gdb',
    'strace',
    'crontab',
    'at',
    'systemctl',
    'docker',
  ])
    assert.ok(!all.includes(never), never);
});

test('deny wins over sets and allow', () => {
  const { programs, trees } = allowedPrograms({
    ...NONE,
    sets: ['base', 'git'],
    allow: ['jq', '/opt/x/y'],
    deny: ['curl', 'jq'],
  });
  assert.ok(programs.includes('bash') && programs.includes('git') && programs.includes('/opt/x/y'));
  assert.ok(!programs.includes('curl') && !programs.includes('jq'));
  assert.ok(trees.includes('/usr/lib/git-core'));
  assert.deepEqual(allowedPrograms(NONE), { programs: [], trees: [] });
});

test('of the base set, this machine has nearly all', (t) => {
  const missing = EXEC_SETS.base.programs.filter(
    (name) => !['/usr/bin', '/bin', '/usr/sbin'].some((bin) => existsSync(`${bin}/${name}`)),
  );
  t.diagnostic(`not on this machine: ${missing.join(' ')}`);
  assert.ok(missing.length < EXEC_SETS.base.programs.length / 4, missing.join(' '));
});

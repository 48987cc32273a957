import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WantedExec } from '../../../src/model/fleet.ts';
import { commandPolicy } from '../../../src/policy/command/judge.ts';
import { whoMay } from '../../../src/policy/command/who-may.ts';

const EXEC: WantedExec = { sets: [], allow: [], deny: [], own: 'never', ask: 'on-miss' };
const command = { program: { name: 'git', path: '/usr/bin/git' }, argv: ['git', 'push', 'origin'] };
const allows = commandPolicy(EXEC, ['git', '/usr/bin/git']);
const asks = commandPolicy(EXEC, []);
const denies = commandPolicy({ ...EXEC, denyArgv: [['git', 'push', '**']] }, ['git']);
const byRule = commandPolicy({ ...EXEC, allowArgv: [['git', 'push', 'origin']] }, []);

test('a refusal names the agents whose policy allows exactly this, and nobody else', () => {
  assert.equal(whoMay([], command), '');
  assert.equal(
    whoMay(
      [
        ['web', denies],
        ['ops', asks],
      ],
      command,
    ),
    '',
  );
  assert.equal(
    whoMay(
      [
        ['web', denies],
        ['ops', allows],
      ],
      command,
    ),
    ' (ops may do it)',
  );
  assert.equal(
    whoMay(
      [
        ['b', allows],
        ['a', byRule],
      ],
      command,
    ),
    ' (a and b may do it)',
  );
  const many = ['e', 'd', 'c', 'b', 'a'].map((name) => [name, allows] as const);
  assert.equal(whoMay(many, command), ' (a, b, c and 2 more may do it)');
  assert.equal(whoMay([['a', byRule]], { ...command, argv: ['git', 'push', 'other'] }), '');
});

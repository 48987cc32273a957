import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedPrograms, deniedPrograms } from '../../src/host/view/allowed-programs.ts';
import type { WantedAgent } from '../../src/model/fleet.ts';

/** On Debian `sh` is a link to `dash` (Debian Policy, 10.4). */
const SHELL = '/usr/bin/dash';
const agent = (deny: readonly string[]): WantedAgent =>
  ({ name: 'a', exec: { sets: ['base'], allow: ['dash', '/bin/sh'], deny, own: 'never', ask: 'never' } }) as never;
const files = (deny: readonly string[]): string[] => allowedPrograms(agent(deny)).map(({ file }) => file);

test('a program that is denied is gone under every name that leads to it, and nothing else is', () => {
  const all = files([]);
  assert.ok(all.filter((file) => file === SHELL).length >= 3, `sh of the set, dash and /bin/sh: ${all}`);
  for (const name of ['sh', 'dash', '/bin/sh', SHELL]) {
    assert.deepEqual(
      files([name]),
      all.filter((file) => file !== SHELL),
      name,
    );
    assert.deepEqual(deniedPrograms(agent([name])), [SHELL], name);
  }
});

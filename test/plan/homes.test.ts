import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../src/plan/describe.ts';
import {
  type Account,
  accountsWithHomes,
  type ClosedHome,
  homesToClose,
  mayBeHome,
  type SeenHome,
} from '../../src/plan/homes.ts';
import type { Resource } from '../../src/plan/resource.ts';
import { after, planSteps } from '../../src/plan/step.ts';

const home = (path: string, mode: string, was: string): ClosedHome => ({ kind: 'home', path, mode, was });
const seen = (path: string, mode: number, owner = 1000, user = 1000): SeenHome => ({ path, mode, owner, user });
const account = (name: string, uid: number, shell = '/bin/bash'): Account => ({
  name,
  uid,
  home: `/home/${name}`,
  shell,
});

test('homes are those of root, of people who can log in, and of operators however they log in', () => {
  const accounts = [
    account('root', 0),
    account('daemon', 1, '/usr/sbin/nologin'),
    account('postgres', 110),
    account('anna', 1000),
    account('empty-shell', 1001, ''),
    account('false', 1002, '/bin/false'),
    account('desk', 120, '/usr/sbin/nologin'),
    account('nobody', 65_534),
  ];
  const names = accountsWithHomes(accounts, ['desk']).map(({ name }) => name);
  assert.deepEqual(names, ['root', 'anna', 'empty-shell', 'desk']);
});

test('no folder of the system is ever taken for a home', () => {
  for (const path of [
    '/',
    '',
    '/home',
    '/srv',
    '/usr',
    '/usr/games',
    '/var',
    '/var/run/x',
    '/var/lib/git',
    '/run/user/1',
    '/bin/x',
  ])
    assert.equal(mayBeHome(path), false, path);
  for (const path of [
    '/etc/skel',
    '/lib64/x',
    '/tmp/x',
    '/proc/self',
    '/home/../etc',
    '/home/./x',
    'home/x',
    '/home//x',
    '/nonexistent',
  ])
    assert.equal(mayBeHome(path), false, path);
  for (const path of [
    '/root',
    '/home/anna',
    '/home/staff/anna',
    '/srv/anna',
    '/var/home/anna',
    '/data/people/x',
    '/rooms/x',
  ])
    assert.equal(mayBeHome(path), true, path);
});

test('an open home is closed to others and to nobody else, and the plan names the mode before and after', () => {
  for (const [mode, closed, was] of [
    [0o755, '0750', '0755'],
    [0o711, '0710', '0711'],
    [0o2775, '2770', '2775'],
    [0o701, '0700', '0701'],
  ] as const)
    assert.deepEqual(homesToClose([seen('/home/anna', mode)], []), [home('/home/anna', closed, was)]);
  assert.deepEqual(planSteps(homesToClose([seen('/home/anna', 0o755)], []), []).map(describe), [
    '+ closed home /home/anna: others could enter it, mode 0755 becomes 0750',
  ]);
});

test('a home that its owner has closed is not ours to open again; one that we closed stays ours', () => {
  assert.deepEqual(homesToClose([seen('/home/anna', 0o750)], []), []);
  const ours = home('/home/anna', '0750', '0755');
  assert.deepEqual(homesToClose([seen('/home/anna', 0o750)], [ours]), [ours]);
  assert.deepEqual(homesToClose([seen('/home/anna', 0o700)], [ours]), [], 'changed since');
  assert.deepEqual(
    homesToClose([seen('/home/anna', 0o711)], [ours]),
    [home('/home/anna', '0710', '0711')],
    'opened since',
  );
});

test('a home that belongs to somebody else than its user is left: its user could not enter it any more', () => {
  assert.deepEqual(homesToClose([seen('/home/sftp', 0o755, 0, 1000)], []), []);
  const both = [seen('/home/anna', 0o755, 1000, 1000), seen('/home/anna', 0o755, 1000, 1001)];
  assert.equal(homesToClose(both, []).length, 1, 'of two users with one home, one is its owner');
});

test('a home is opened again after all else is gone, however late it was closed', () => {
  const closed = home('/home/anna', '0750', '0755');
  const compartment: Resource = { kind: 'compartment', agent: 'one', digest: 'x' };
  const there = [compartment, closed];
  assert.deepEqual(planSteps([], there).map(describe), [
    '- compartment of one (tier sandbox, x)',
    '- closed home /home/anna: mode 0750 goes back to 0755',
  ]);
  assert.deepEqual(planSteps([], there).reduce(after, there), []);
});

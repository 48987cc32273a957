import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atLeast } from '../../src/checks/machine/check.ts';
import { type HostFacts, NEEDED_PROGRAMS, SETTINGS } from '../../src/checks/machine/facts.ts';
import { judgeMachine, MACHINE_CHECKS, runsSandbox } from '../../src/checks/machine/judge.ts';
import { renderDoctor } from '../../src/programs/cli/render/doctor.ts';
import { golden } from '../cli/stand-in.ts';

const WORKS = { works: true } as const;
/** A machine on which everything is as it should be. */
const GOOD: HostFacts = {
  at: '2026-11-21T12:00:00.000Z',
  kernel: '6.1.0-40-amd64',
  architecture: 'x64',
  distribution: { name: 'Debian GNU/Linux 12 (bookworm)', family: 'debian' },
  init: 'systemd',
  uid: 0,
  node: '24.21.0',
  programs: Object.fromEntries(
    NEEDED_PROGRAMS.map((name) => [name, { path: `/usr/bin/${name}`, version: '1.2.3' }]),
  ) as HostFacts['programs'],
  cgroup: {
    unified: '/sys/fs/cgroup',
    unifiedControllers: ['cpu', 'memory', 'pids'],
    v1Controllers: [],
    freezeAndKill: WORKS,
  },
  tried: { userNamespace: WORKS, bubblewrap: WORKS, network: WORKS, disk: WORKS, hidepid: WORKS, hostNetwork: WORKS },
  seccomp: ['kill_process', 'errno', 'user_notif', 'allow'],
  landlock: 6,
  settings: {
    ...(Object.fromEntries(SETTINGS.map((name) => [name, null])) as HostFacts['settings']),
    'kernel.yama.ptrace_scope': 1,
  },
  space: { path: '/var/lib', freeBytes: 80 * 1024 ** 3 },
  tree: { path: '/usr/local/lib/bulkhead/0.1.0', writable: [] },
};
const without = (...names: string[]): HostFacts['programs'] =>
  Object.fromEntries(
    Object.entries(GOOD.programs).map(([name, tool]) => [name, names.includes(name) ? null : tool]),
  ) as HostFacts['programs'];
const failed = (why: string) => ({ works: false, why }) as const;
const unknown = { works: 'unknown', why: 'only root can try it' } as const;
const set = (name: string, value: number): HostFacts['settings'] => ({ ...GOOD.settings, [name]: value });

const findings = (facts: HostFacts) => judgeMachine(facts).flatMap(({ finding }) => finding ?? []);

test('a machine on which everything is as it should be has no findings', () => {
  assert.deepEqual(findings(GOOD), []);
  assert.equal(runsSandbox(judgeMachine(GOOD)), true);
});

/** One thing wrong: the check that must see it, how bad it is, and what mends it. */
const WRONG: readonly [string, Partial<HostFacts>, string, string, RegExp][] = [
  ['an old kernel', { kernel: '5.15.0' }, 'kernel', 'critical', /newer kernel/],
  ['a processor the filter does not know', { architecture: 'riscv64' }, 'kernel', 'critical', /machine/],
  ['an old Node', { node: '22.20.0' }, 'node', 'critical', /npm ci/],
  ['no perl', { programs: without('perl') }, 'launcher', 'critical', /^apt-get install perl$/],
  ['no bubblewrap', { programs: without('bwrap') }, 'bubblewrap', 'critical', /^apt-get install bubblewrap$/],
  [
    'an old bubblewrap',
    { programs: { ...GOOD.programs, bwrap: { path: '/usr/bin/bwrap', version: '0.6.2' } } },
    'bubblewrap',
    'critical',
    /^apt-get install bubblewrap$/,
  ],
  [
    'a bubblewrap that fails',
    { tried: { ...GOOD.tried, bubblewrap: failed('bwrap: No permissions') } },
    'bubblewrap',
    'critical',
    /allow bwrap/,
  ],
  [
    'user namespaces that AppArmor refuses',
    {
      tried: { ...GOOD.tried, userNamespace: failed('EPERM') },
      settings: set('kernel.apparmor_restrict_unprivileged_userns', 1),
    },
    'user-namespaces',
    'critical',
    /^sysctl -w kernel.apparmor_restrict_unprivileged_userns=0/,
  ],
  [
    'user namespaces that are switched off',
    { tried: { ...GOOD.tried, userNamespace: failed('ENOSPC') }, settings: set('user.max_user_namespaces', 0) },
    'user-namespaces',
    'critical',
    /max_user_namespaces=10000/,
  ],
  [
    'no loop devices',
    { tried: { ...GOOD.tried, disk: failed('mount: no loop device') } },
    'disk',
    'critical',
    /modprobe loop/,
  ],
  ['disks that nobody could try', { tried: { ...GOOD.tried, disk: unknown } }, 'disk', 'critical', /^sudo /],
  [
    'no nft and no ip',
    { programs: without('nft', 'ip') },
    'network',
    'critical',
    /^apt-get install iproute2 nftables$/,
  ],
  [
    'no tproxy',
    { tried: { ...GOOD.tried, network: failed('Error: Could not process rule') } },
    'network',
    'critical',
    /modprobe nft_tproxy/,
  ],
  ['no seccomp', { seccomp: [] }, 'syscall-filter', 'critical', /CONFIG_SECCOMP_FILTER/],
  [
    'no cgroup v2',
    { cgroup: { ...GOOD.cgroup, unified: null, freezeAndKill: failed('x') } },
    'freeze',
    'critical',
    /^mount -t cgroup2/,
  ],
  [
    'a cgroup v2 that is read-only',
    { cgroup: { ...GOOD.cgroup, freezeAndKill: failed('EROFS') } },
    'freeze',
    'critical',
    /writable/,
  ],
  [
    'no controller for memory',
    { cgroup: { ...GOOD.cgroup, unifiedControllers: ['pids', 'cpu'] } },
    'limits',
    'high',
    /cgroup_enable=memory/,
  ],
  ['a full disk', { space: { path: '/var/lib', freeBytes: 1e8 } }, 'space', 'high', /--state/],
  [
    'a tree that others may write',
    { tree: { path: '/home/you/bulkhead', writable: ['/home/you'] } },
    'tree',
    'medium',
    /^chown -R root: \/home\/you\/bulkhead/,
  ],
  ['no seccomp notifications', { seccomp: ['kill_process', 'errno', 'allow'] }, 'exec-gate', 'high', /CONFIG_SECCOMP/],
  ['unreadable programs open', { settings: set('fs.suid_dumpable', 1) }, 'exec-gate', 'high', /suid_dumpable=0/],
  ['no systemd', { init: 'runit' }, 'boot', 'low', /bulkhead up/],
  ['Landlock without scopes', { landlock: 5 }, 'tier-user', 'low', /6\.12/],
  ['no tproxy', { tried: { ...GOOD.tried, hostNetwork: failed('nft says no') } }, 'tier-user', 'low', /nft_tproxy/],
  ['no hidepid', { tried: { ...GOOD.tried, hidepid: failed('EPERM') } }, 'tier-user', 'low', /hidepid=invisible/],
  ['no Landlock', { landlock: 0 }, 'landlock', 'low', /landlock/],
  ['ptrace open to all', { settings: set('kernel.yama.ptrace_scope', 0) }, 'ptrace', 'low', /ptrace_scope=1/],
  ['TIOCSTI allowed', { settings: set('dev.tty.legacy_tiocsti', 1) }, 'terminals', 'low', /legacy_tiocsti=0/],
];
for (const [what, change, id, severity, remedy] of WRONG)
  test(`${what}: found once, as ${severity}, with what mends it`, () => {
    const facts = { ...GOOD, ...change };
    const found = findings(facts);
    assert.deepEqual(
      found.map((finding) => [finding.id, finding.severity]),
      [[id, severity]],
    );
    assert.match(found[0]?.remedy ?? '', remedy);
    assert.equal(runsSandbox(judgeMachine(facts)), severity !== 'critical');
  });

test('every check can fail', () => {
  const seen = new Set([...WRONG.map(([, , id]) => id), 'root']); // the test without root has that one
  assert.deepEqual(
    MACHINE_CHECKS.map(({ id }) => id).filter((id) => !seen.has(id)),
    [],
  );
});

test('the packages have the names of the system they are for', () => {
  const remedy = (family: HostFacts['distribution']['family']) =>
    findings({ ...GOOD, distribution: { name: 'x', family }, programs: without('ip', 'nft') })[0]?.remedy;
  assert.deepEqual(
    ['fedora', 'arch', 'alpine'].map((family) => remedy(family as 'arch')),
    ['dnf install iproute nftables', 'pacman -S iproute2 nftables', 'apk add iproute2 nftables'],
  );
});

test('versions are compared by their numbers', () => {
  for (const [version, floor, enough] of [
    ['6.18.44-generic', '6.1', true],
    ['6.0.9', '6.1', false],
    ['0.11.0', '0.8', true],
    ['24.9.0', '24.16', false],
    ['', '1', false],
  ] as const)
    assert.equal(atLeast(version, floor), enough, version);
});

test('limits may come from cgroup v1', () => {
  const facts = {
    ...GOOD,
    cgroup: { ...GOOD.cgroup, unifiedControllers: [], v1Controllers: ['cpu', 'memory', 'pids'] },
  };
  assert.deepEqual(findings(facts), []);
});

test('without root three walls are partial, which nobody may take for all, and tier sandbox can run', () => {
  const rows = judgeMachine({ ...GOOD, uid: 1000 });
  const partial = rows.flatMap(({ id, finding }) => (finding ? [[id, finding.severity]] : []));
  assert.deepEqual(partial, [
    ['root', 'high'],
    ['disk', 'high'],
    ['limits', 'high'],
  ]);
  assert.equal(runsSandbox(rows), true);
});

test('without root the kernel floor and user namespaces count as with it', () => {
  const facts = { ...GOOD, uid: 1000, tried: { ...GOOD.tried, userNamespace: failed('No space left on device') } };
  const found = judgeMachine(facts).find(({ id }) => id === 'user-namespaces');
  assert.match(found?.finding?.remedy ?? '', /^sysctl -w user\.max_user_namespaces=/);
  assert.equal(runsSandbox(judgeMachine(facts)), false);
});

test('what doctor shows of a machine with everything wrong', () => {
  const plain = { width: 100, now: 0, style: (_: unknown, text: string) => text, write: () => {} };
  const bad: HostFacts = Object.assign({}, GOOD, ...WRONG.map(([, change]) => change), {
    tried: {
      userNamespace: failed('unshare: Operation not permitted'),
      bubblewrap: failed('x'),
      network: unknown,
      disk: unknown,
      hidepid: failed('x'),
      hostNetwork: failed('x'),
    },
    programs: without('bwrap', 'perl'),
  });
  const text = [GOOD, bad, { ...GOOD, uid: 1000 }]
    .map((facts) => renderDoctor(facts, judgeMachine(facts), plain))
    .join('\n\n');
  const { expected, actual } = golden('doctor.txt', `${text}\n`);
  assert.equal(actual, expected);
});

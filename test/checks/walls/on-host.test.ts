import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Expected, OutsideFacts } from '../../../src/checks/walls/facts.ts';
import type { Enforcement, Wall } from '../../../src/model/enforcement.ts';
import { CONFINED, judge, open, outsideOf, SELF, spaces, WANTED } from './compartment.ts';

/** Tier `user`: what is judged otherwise there, fact by fact. */
const OPEN = ['/workspace', '/tmp', '/var/tmp'];
const EXPECTED: Expected = {
  ...{ ...WANTED, programs: [] },
  onHost: { address: '127.0.183.152', system: ['/etc/passwd', '/srv'], denied: ['/usr/bin/ssh'] },
  ...{ homes: ['/home/you'], closed: ['/'], readable: [], open: OPEN },
};
const NAMESPACES = spaces('agent', ['pid', 'net', 'user']);
const OUTSIDE: OutsideFacts = outsideOf(NAMESPACES);
const LINES: readonly string[] = [
  ...[...SELF, 'try.become-root refused 1', 'seen./home/you yes', 'entered./home/you no'],
  ...Object.entries(NAMESPACES).map(([kind, id]) => `ns.${kind} ${id}`),
  ...['mount / ro,nosuid,nodev,noexec tmpfs', 'mount /usr ro,nosuid,nodev ext4', 'mount /usr/bin/ssh ro ext4'],
  ...['try.write./ refused 30', 'try.read./etc/passwd done', 'try.read./srv refused 13'],
  ...open(OPEN),
  ...['programs anything at-all', 'others ', 'call.memfd 38', 'call.unshare-user 1', 'call.ptrace 1'],
  ...['try.signal refused 1', 'try.abstract refused 1', 'end yes'],
];

const judged = (
  lines: readonly string[],
  outside: Partial<OutsideFacts> = {},
  expected: Expected = EXPECTED,
): Record<Wall, Enforcement> => judge(lines, { ...OUTSIDE, ...outside }, expected);
const without = (line: string, ...instead: string[]): string[] => [...LINES.filter((one) => one !== line), ...instead];
function missing(walls: Record<Wall, Enforcement>, wall: Wall): readonly string[] {
  const found = walls[wall];
  return found.level === 'partial' ? found.missing : found.level === 'full' ? [] : [`${found.level}: ${found.why}`];
}

test('what the host’s own files and namespaces leave open is said by name, and no wall is called full for it', () => {
  const walls = judged(LINES);
  assert.deepEqual(missing(walls, 'files'), ['it reads what everybody on this machine may read, in /etc/passwd']);
  assert.deepEqual(missing(walls, 'exec'), ['every program of this machine can be started (tier user)']);
  assert.deepEqual(missing(walls, 'processes'), [
    'shared with the host: pid, net, user; there its uid alone keeps it apart',
  ]);
  assert.deepEqual(missing(walls, 'identity'), [], 'a home that is closed may stand in sight');
  assert.deepEqual(missing(walls, 'limits'), []);
});

const FALLEN: readonly [what: string, wall: Wall, lines: readonly string[], says: RegExp][] = [
  [
    'a home can be entered',
    'identity',
    without('entered./home/you no', 'entered./home/you yes'),
    /can enter \/home\/you/,
  ],
  ['nobody looked at a home', 'identity', without('entered./home/you no'), /can enter/],
  ['a socket of the host', 'files', [...LINES, 'socket /srv/x.sock'], /sockets of the host.*\/srv\/x\.sock/],
  ['a writable mount', 'files', [...LINES, 'mount /srv rw,nosuid,nodev,noexec ext4'], /besides its own places: \/srv/],
  ['a denied program', 'exec', without('mount /usr/bin/ssh ro ext4'), /not covered: \/usr\/bin\/ssh/],
  ['an executable /tmp', 'exec', without('try.exec./tmp refused 13', 'try.exec./tmp done'), /ran in \/tmp/],
  ['hidepid off', 'processes', without('others ', 'others 1'), /sees processes of the host/],
  [
    'no scope for sockets',
    'processes',
    without('try.abstract refused 1', 'try.abstract done'),
    /abstract Unix sockets/,
  ],
  ['a scope that nobody tried', 'processes', without('try.abstract refused 1'), /abstract Unix sockets/],
  [
    'no socket at all proves no scope',
    'processes',
    without('try.abstract refused 1', 'try.abstract refused 111'),
    /abstract/,
  ],
  ['no scope for signals', 'processes', without('try.signal refused 1', 'try.signal done'), /can signal the process/],
  ['the host’s mounts', 'processes', without('ns.mnt mnt:[agent]', 'ns.mnt mnt:[host]'), /mount namespace of the host/],
  ['the host’s ipc', 'processes', without('ns.ipc ipc:[agent]', 'ns.ipc ipc:[host]'), /pid, net, ipc, user/],
  ['a big /var/tmp does not count as storage', 'limits', without('size./var/tmp 1000000', 'size./var/tmp 9e12'), /^$/],
];
for (const [what, wall, lines, says] of FALLEN)
  test(`on the host: ${what}`, () => assert.match(missing(judged(lines), wall).join('; '), says));

test('whoever is in its cgroup, its mounts or under its uid must be confined as it is', () => {
  const weaker = { ...CONFINED, pid: 9, name: 'bash', seccomp: 0, filters: 0 };
  assert.match(missing(judged(LINES, { processes: [CONFINED, weaker] }), 'processes').join(), /bash \(9\)/);
});

test('in any other tier the host’s process namespace is no wall at all', () => {
  const { onHost: _, ...other } = EXPECTED;
  assert.equal(judge(LINES, OUTSIDE, other).processes.level, 'none');
});

test('where programs are asked for, what the mounts do not hold is measured by trying it', () => {
  const unlisted = '/etc/bulkhead/unlisted';
  const expected = { ...EXPECTED, onHost: { ...EXPECTED.onHost, unlisted } } as Expected;
  const exec = (programs: string, tried: string): readonly string[] =>
    missing(
      judged(
        [...without('programs anything at-all'), `programs ${programs}`, `try.exec.${unlisted} ${tried}`],
        {},
        { ...expected, programs: ['sh'] },
      ),
      'exec',
    );
  const always = 'what lies among the libraries (/usr/lib, /opt) can be run through the dynamic loader (tier user)';
  const off = 'programs outside of the program folders can be started, and nobody is asked (Landlock is off here)';
  assert.deepEqual(exec('sh', 'refused 13'), [always]);
  assert.deepEqual(exec('sh', 'refused 126'), [off, always], 'it ran');
  assert.deepEqual(exec('sh more', 'refused 13'), [always, 'programs that are not allowed: more']);
});

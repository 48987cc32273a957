import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Confinement, Expected, OutsideFacts } from '../../../src/checks/walls/facts.ts';
import { readFacts } from '../../../src/checks/walls/judge.ts';
import { type Enforcement, WALLS, type Wall } from '../../../src/model/enforcement.ts';
import { CONFINED, judge, open, outsideOf, SELF, SPACES, spaces, UID, WANTED } from './compartment.ts';

const OPEN = ['/workspace', '/home/agent', '/tmp', '/dev/shm'];
const EXPECTED: Expected = {
  ...WANTED,
  programs: ['sh', 'ls'],
  homes: ['/root'],
  closed: ['/', '/etc'],
  readable: ['/knowledge/book'],
  open: OPEN,
};
const OUTSIDE: OutsideFacts = outsideOf(spaces('agent'));

/** What a probe prints where every wall stands. */
const LINES: readonly string[] = [
  ...[...SELF, 'self.Seccomp_filters 2', 'try.become-root refused 22', 'seen./root no'],
  ...SPACES.map((kind) => `ns.${kind} ${kind}:[agent]`),
  ...['mount / ro,nosuid,nodev,noexec tmpfs', 'mount /usr/bin/sh ro,nosuid,nodev ext4'],
  ...['try.write./ refused 30', 'try.write./etc refused 30', 'try.read./knowledge/book done'],
  ...[...open(OPEN), ...OPEN.map((at) => `try.write.${at} done`)],
  ...['programs ls sh', 'programs ', 'others '],
  ...['mount', 'setns', 'bpf', 'keyctl', 'userfaultfd', 'perf', 'ioctl-5412', 'ioctl-541c'].map(
    (name) => `call.${name} 1`,
  ),
  ...['unshare-user', 'unshare-net', 'ptrace', 'memfd'].map((name) => `call.${name} 1`),
  ...['io_uring', 'clone3'].map((name) => `call.${name} 38`),
  ...['packet', 'vsock', 'alg', 'high-bits'].map((name) => `call.socket-${name} 97`),
  ...['links lo', 'api open', 'api6 open', 'udp refused 13', 'udp6 refused 13', 'listener refused 111', 'tcp denied'],
  'end yes',
];

const judged = (lines: readonly string[], outside: Partial<OutsideFacts> = {}): Record<Wall, Enforcement> =>
  judge(lines, { ...OUTSIDE, ...outside }, EXPECTED);
const fallen = (walls: Record<Wall, Enforcement>): Wall[] => WALLS.filter((wall) => walls[wall].level !== 'full');

test('where every wall stands, all are full', () => {
  assert.deepEqual(fallen(judged(LINES)), []);
});

test('a probe that did not come to its end proves nothing', () => {
  for (let length = 0; length < LINES.length; length++)
    assert.ok(WALLS.every((wall) => judged(LINES.slice(0, length))[wall].level === 'unknown'));
});

/** Facts of which nothing is judged: that its own places can be written proves no wall. */
const IDLE =
  /^(try\.write\.(\/workspace|\/home|\/tmp|\/dev)|mount \/(usr|workspace|home|tmp|dev)|mount \/ |self\.Seccomp_filters|programs|others |self\.Groups )/;

test('no wall is full without each fact that it rests on', () => {
  for (const line of LINES.filter((line) => !IDLE.test(line) && line !== 'end yes'))
    assert.notDeepEqual(fallen(judged(LINES.filter((other) => other !== line))), [], `without "${line}"`);
});

test('each fact that is otherwise takes its wall down', () => {
  const otherwise: readonly (readonly [Wall, string, string])[] = [
    ['identity', 'self.Groups ', 'self.Groups 27'],
    ['identity', 'try.become-root refused 22', 'try.become-root done'],
    ['identity', 'seen./root no', 'seen./root yes'],
    ['identity', `home 0700 ${UID}`, `home 0755 ${UID}`],
    ['identity', `home 0700 ${UID}`, 'home 0700 0'],
    ['files', 'try.write./etc refused 30', 'try.write./etc done'],
    ['files', 'try.write./etc refused 30', 'try.write./etc refused 24'],
    ['files', 'try.read./knowledge/book done', 'try.read./knowledge/book refused 13'],
    ['files', 'mount /tmp rw,nosuid,nodev,noexec ext4', 'mount /tmp rw,nodev,noexec ext4'],
    ['files', 'mount / ro,nosuid,nodev,noexec tmpfs', 'mount / rw,nosuid,nodev,noexec tmpfs'],
    ['exec', 'mount /tmp rw,nosuid,nodev,noexec ext4', 'mount /tmp rw,nosuid,nodev ext4'],
    ['exec', 'programs ls sh', 'programs ls nc sh'],
    ['exec', 'programs ', 'programs nc'],
    ['exec', 'try.exec./tmp refused 13', 'try.exec./tmp done'],
    ['exec', 'try.exec./tmp refused 13', 'try.exec./tmp refused 2'],
    ['exec', 'try.exec./tmp refused 13', 'try.exec./tmp ended 9'],
    ['exec', 'call.memfd 1', 'call.memfd done'],
    ['processes', 'self.NoNewPrivs 1', 'self.NoNewPrivs 0'],
    ['processes', 'self.CapBnd 0000000000000000', 'self.CapBnd 0000000000000001'],
    ['processes', 'ns.net net:[agent]', 'ns.net net:[host]'],
    ['processes', 'others ', 'others 1'],
    ['processes', 'call.ptrace 1', 'call.ptrace done'],
    ['syscalls', 'self.Seccomp 2', 'self.Seccomp 0'],
    ['syscalls', 'call.io_uring 38', 'call.io_uring 14'],
    ['syscalls', 'call.socket-packet 97', 'call.socket-packet done'],
    ['network', 'links lo', 'links lo eth0'],
    ['network', 'api6 open', 'api6 no name'],
    ['network', 'udp refused 13', 'udp refused 111'],
    ['network', 'udp6 refused 13', 'udp6 answered'],
    ['network', 'listener refused 111', 'listener reached'],
    ['network', 'tcp denied', 'tcp answered'],
    ['limits', 'size./home/agent 1000000', 'size./home/agent 99999999999'],
  ];
  for (const [wall, was, is] of otherwise) {
    assert.ok(LINES.includes(was), was);
    const walls = judged(LINES.map((line) => (line === was ? is : line)));
    assert.notEqual(walls[wall].level, 'full', is);
  }
});

test('what is seen from outside counts as much', () => {
  const weaker: Partial<Confinement>[] = [
    ...[{ uid: 0 }, { capabilities: '1' }, { bounding: 'ff' }, { noNewPrivs: false }, { seccomp: 0 }, { filters: 0 }],
  ];
  const others: readonly (readonly [Wall, Partial<OutsideFacts>])[] = [
    ...weaker.map((part) => ['processes', { processes: [CONFINED, { ...CONFINED, ...part }] }] as const),
    ['processes', { processes: [] }],
    ['network', { gateway: false }],
    ['network', { packetFilter: false }],
    ['identity', { hostGroups: ['sudo'] }],
    ['files', { masksGone: ['/workspace/.git'] }],
    ['limits', { limitsMissing: ['memory is not limited as wanted'] }],
    ['record', { ledger: { answers: false } }],
    ['record', { ledger: { answers: true, uid: UID } }],
    ['record', { ledger: { answers: true } }],
  ];
  for (const [wall, outside] of others)
    assert.deepEqual(fallen(judged(LINES, outside)), [wall], JSON.stringify(outside));
});

test('a fact that comes twice keeps its first value, so nothing said later can mend it', () => {
  const walls = judged(['self.Seccomp 0', 'links lo eth0', ...LINES]);
  assert.deepEqual([walls.syscalls.level, walls.network.level], ['none', 'none']);
});

test('lines that are no facts are left out', () => {
  const noise = ['fact', 'fact ', 'facts a b', ' fact a b', 'fact\ta b', '\u0000fact a b'].join('\n');
  assert.deepEqual([...readFacts(noise)], []);
  assert.deepEqual(
    [...readFacts('fact a b c\nfact a\nfact d \n')],
    [
      ['a', ['b c', '']],
      ['d', ['']],
    ],
  );
});

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupFolders, observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import type { Wall } from '../../src/model/enforcement.ts';
import { agentPlaces, placesOf } from '../../src/plan/places.ts';

/** A compartment that stands, as the saboteur (root on the host) finds it. */
export interface Target {
  readonly state: string;
  readonly fleet: string;
  readonly agent: string;
  readonly firstPid: number;
  readonly gateway: number;
  readonly ledger: number;
}

/** One way to take a wall down from the host, and what puts it back. */
export interface Sabotage {
  readonly what: string;
  readonly wall: Wall;
  /** What the status must say of it. */
  readonly says: RegExp;
  readonly down: (target: Target) => () => void;
}

export const tool = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: 'pipe' });
const netns = ({ fleet, agent }: Target): string => `bh-${fleet}-${agent}`;
const inNet = (target: Target, ...args: string[]): string => tool('ip', 'netns', 'exec', netns(target), ...args);

/** A file system laid over a folder inside by root on the host (setns(2), mount(2), umount2(2)). The flags of the mounts that are
 *  there cannot be taken off, not even by root: they are locked, as their namespace belongs to another user namespace. */
const LAY = `my ($ns, $at, $flags, $off) = @ARGV; open my $f, '<', $ns or die; my ($type, $data) = ('tmpfs', 'size=1m,mode=1777');
  my ($setns, $mount, $umount) = \`uname -m\` =~ /aarch64/ ? (268, 40, 39) : (308, 165, 166);
  syscall($setns, fileno $f, 0x20000) == 0 or die "setns: $!"; my $way = 2;
  ($off ? syscall($umount, $at, $way) : syscall($mount, $type, $at, $type, $flags + 0, $data)) == 0 or die "mount: $!"`;
const FLAGS = { ro: 1, nosuid: 2, nodev: 4, noexec: 8 } as const;

function laidOver(at: string, flags: readonly (keyof typeof FLAGS)[], file?: string): Sabotage['down'] {
  const sum = flags.reduce((all, flag) => all + FLAGS[flag], 0);
  return ({ firstPid }) => {
    tool('perl', '-e', LAY, `/proc/${firstPid}/ns/mnt`, at, String(sum), '');
    if (file) writeFileSync(`/proc/${firstPid}/root${at}/${file}`, '#!/bin/sh\n', { mode: 0o755 });
    return () => void tool('perl', '-e', LAY, `/proc/${firstPid}/ns/mnt`, at, '0', 'off');
  };
}

/** Takes one rule out of the namespace's table and puts the table back as it was. */
function withoutRule(chain: string, part: string): Sabotage['down'] {
  return (target) => {
    const whole = inNet(target, 'nft', '-s', 'list', 'ruleset');
    const [, handle = ''] =
      inNet(target, 'nft', '-a', 'list', 'chain', 'inet', 'bulkhead', chain)
        .split('\n')
        .map((line) => (line.includes(part) ? /# handle (\d+)$/.exec(line) : null))
        .find((found) => found !== null) ?? [];
    inNet(target, 'nft', 'delete', 'rule', 'inet', 'bulkhead', chain, 'handle', handle);
    return () => void reload(target, whole);
  };
}

function reload(target: Target, rules: string): void {
  execFileSync('ip', ['netns', 'exec', netns(target), 'nft', '-f', '-'], { input: `flush ruleset\n${rules}` });
}

function halted(which: 'gateway' | 'ledger'): Sabotage['down'] {
  return (target) => {
    process.kill(target[which], 'SIGSTOP');
    return () => void process.kill(target[which], 'SIGCONT');
  };
}

/** A process in the compartment that came by nsenter, with all that root has. */
function intruder(...spaces: string[]): Sabotage['down'] {
  return ({ firstPid }) => {
    const child = spawn('nsenter', [`--target=${firstPid}`, ...spaces, '--', 'sleep', '600'], { stdio: 'ignore' });
    const inside = (): number[] => {
      const { stdout } = spawnSync('ps', ['--ppid', String(child.pid), '-o', 'pid=,comm='], { encoding: 'utf8' });
      return [...stdout.matchAll(/^ *(\d+) sleep$/gm)].map(([, pid]) => Number(pid));
    };
    for (const late = Date.now() + 30_000; inside().length === 0; execFileSync('sleep', ['0.1']))
      if (Date.now() > late) throw new Error('nobody came in by nsenter');
    return () => {
      for (const pid of inside()) process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
    };
  };
}

/** In every tier. */
export const OPENED_HOME: Sabotage = {
  what: 'its home is opened',
  wall: 'identity',
  says: /mode 0755/,
  down: ({ state, agent }) => {
    const { home } = agentPlaces(placesOf(state), agent);
    chmodSync(home, 0o755);
    return () => chmodSync(home, 0o700);
  },
};

export const SABOTAGE: readonly Sabotage[] = [
  {
    what: 'the packet filter is flushed',
    wall: 'network',
    says: /foreign address.*|packet filter/,
    down: (target) => {
      const rules = inNet(target, 'nft', '-s', 'list', 'ruleset');
      inNet(target, 'nft', 'flush', 'ruleset');
      return () => reload(target, rules);
    },
  },
  ...(
    [
      ['arrive', 'ip daddr != 127.0.0.0/8 tproxy', /foreign address/],
      ['arrive', 'ip6 daddr != ::1 tproxy', /api6/],
      ['arrive', 'counter name "tcp_dropped"', /packet filter/],
      ['names', 'ip daddr != 127.0.0.0/8', /no name/],
      ['leave', 'udp_rejected', /packet filter/], // another rule rejects it all the same
      ['leave', 'other_rejected', /packet filter/],
      ['leave', 'ip daddr 127.0.0.0/8 tcp dport 1001', /listener/],
      ['untracked_out', 'limit rate', /packet filter/],
    ] as const
  ).map(([chain, part, says]): Sabotage => {
    return { what: `the rule "${part}" is removed`, wall: 'network', says, down: withoutRule(chain, part) };
  }),
  {
    what: 'an interface is added',
    wall: 'network',
    says: /another interface/,
    down: (target) => {
      tool('ip', '-n', netns(target), 'link', 'add', 'bhsab0', 'type', 'veth');
      return () => void tool('ip', '-n', netns(target), 'link', 'delete', 'bhsab0');
    },
  },
  { what: 'the gateway is stopped', wall: 'network', says: /gateway is not reached/, down: halted('gateway') },
  { what: 'the ledger is stopped', wall: 'record', says: /not answered/, down: halted('ledger') },
  {
    what: '/tmp is made executable',
    wall: 'exec',
    says: /ran in \/tmp.*executable: \/tmp/s,
    down: laidOver('/tmp', ['nosuid', 'nodev']),
  },
  {
    what: '/tmp takes set-id programs',
    wall: 'files',
    says: /set-id programs or devices count on \/tmp/,
    down: laidOver('/tmp', ['nodev', 'noexec']),
  },
  {
    what: 'a writable folder is laid into the system',
    wall: 'files',
    says: /writable besides its own places: \/shared/,
    down: laidOver('/shared', ['nosuid', 'nodev', 'noexec']),
  },
  {
    what: '/etc is made writable',
    wall: 'files',
    says: /can write \/etc/,
    down: (target) => {
      const back = laidOver('/etc', ['nosuid', 'nodev', 'noexec'])(target);
      mkdirSync(`/proc/${target.firstPid}/root/etc/bulkhead`);
      writeFileSync(`/proc/${target.firstPid}/root/etc/bulkhead/stub`, ''); // the launcher looks at it; without it no probe begins
      return back;
    },
  },
  {
    what: 'a program is put into a folder of PATH',
    wall: 'exec',
    says: /not allowed: nc-by-hand/,
    down: laidOver('/usr/local/bin', ['nosuid', 'nodev'], 'nc-by-hand'),
  },
  OPENED_HOME,
  {
    what: 'its user is put into a group',
    wall: 'identity',
    says: /its user is in games/,
    down: ({ fleet, agent }) => {
      tool('gpasswd', '--add', `bh-${fleet}-${agent}`, 'games');
      return () => void tool('gpasswd', '--delete', `bh-${fleet}-${agent}`, 'games');
    },
  },
  ...['memory', 'pids', 'cpu'].map(
    (kind): Sabotage => ({
      what: `the limit of ${kind} is lifted in the kernel`,
      wall: 'limits',
      says: new RegExp(kind === 'pids' ? 'processes' : kind),
      down: (target) => lifted(target, kind),
    }),
  ),
  {
    what: 'root enters with nsenter',
    wall: 'processes',
    says: /less confined.*sleep/,
    down: intruder('--pid', '--mount'),
  },
  {
    what: 'root enters the process namespace alone',
    wall: 'processes',
    says: /less confined.*sleep/,
    down: intruder('--pid'),
  },
];

const CEILINGS: Readonly<Record<string, readonly [file: string, free: string][]>> = {
  memory: [
    ['memory.max', 'max'],
    ['memory.limit_in_bytes', '-1'],
  ],
  pids: [['pids.max', 'max']],
  cpu: [
    ['cpu.max', 'max'],
    ['cpu.cfs_quota_us', '-1'],
  ],
};

export function lifted({ fleet, agent }: Target, kind: string): () => void {
  const folders = cgroupFolders(observeCgroups(), `bulkhead/${fleet}/${agent}`);
  const files = folders.flatMap((folder) =>
    (CEILINGS[kind] ?? [])
      .map(([name, free]) => ({ path: join(folder, name), free }))
      .filter(({ path }) => existsSync(path)),
  );
  // memory.memsw stands above memory, so it is lifted first and lowered last; here only the one is touched where that is possible.
  const [file] = files;
  if (!file) throw new Error(`no cgroup of ${agent} limits ${kind}, and yet its limits stood until now`);
  const memsw = file.path.replace('memory.limit', 'memory.memsw.limit');
  const paths = memsw !== file.path && existsSync(memsw) ? [memsw, file.path] : [file.path];
  const before = paths.map((path) => readFileSync(path, 'utf8').trim());
  for (const path of paths) writeFileSync(path, file.free);
  return () => {
    for (const [i, path] of [...paths.entries()].reverse()) writeFileSync(path, before[i] ?? '');
  };
}

import type { AgentFacts, Attack } from '../attack.ts';
import { ATTEMPTS } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** The bombs are small: each goes just past the limit, and is not tried where that would be much. */
const MOST_PROCESSES = 512;
const MOST_MEMORY = 1024 ** 3;

function fewProcesses({ limits }: AgentFacts): string | undefined {
  return limits.processes <= MOST_PROCESSES
    ? undefined
    : `its limit of ${limits.processes} processes is more than the drill starts (${MOST_PROCESSES})`;
}

function littleMemory({ limits }: AgentFacts): string | undefined {
  return limits.memory <= MOST_MEMORY
    ? undefined
    : `its limit of ${Math.round(limits.memory / 1024 ** 2)} MiB is more than the drill takes (${MOST_MEMORY / 1024 ** 2})`;
}

export const limits: readonly Attack[] = [
  {
    id: 'd93-fork-bomb',
    line: 93,
    tries: 'starts more processes than it may have; they only wait, and end at once',
    control: 'pids.max of its cgroup',
    wall: 'limits',
    tiers: EVERY_TIER,
    positive: 'host-user',
    applies: fewProcesses,
    seconds: 20,
    program: `
my ($goal, @children) = ($A{process_limit} + 50);
$goal = 600 if $goal > 600;
my $why = '';
while (@children < $goal) {
  my $pid = fork;
  if (!defined $pid) { $why = "$!"; last }
  if (!$pid) { select undef, undef, undef, 8; POSIX::_exit(0) }
  push @children, $pid;
}
kill 'KILL', @children;
waitpid $_, 0 for @children;
$why eq '' ? done("started $goal processes") : refused("after " . @children . " processes: $why", 1);
`,
  },
  {
    id: 'd93-memory-bomb',
    line: 93,
    tries: 'takes 64 MiB more memory than it may have, in a process that offers itself to be killed first',
    control: 'memory and swap limits of its cgroup',
    wall: 'limits',
    tiers: EVERY_TIER,
    positive: 'host-user',
    applies: littleMemory,
    seconds: 30,
    program: `${ATTEMPTS}our %nr = $A{arch} eq 'aarch64' ? (mmap => 222, read => 63, prctl => 167) : (mmap => 9, read => 0, prctl => 157);
attempt('memory', sub {
  syscall($nr{prctl}, 4, 1, 0, 0, 0); # dumpable, so that its own oom_score_adj is its own
  if (sysopen my $f, '/proc/self/oom_score_adj', Fcntl::O_WRONLY()) { syswrite $f, '1000' }
  sysopen my $zero, '/dev/zero', 0 or return "/dev/zero: $!";
  my $piece = 8 * 1024 * 1024;
  for (my $had = 0; $had < $A{memory_limit} + 64 * 1024 * 1024; $had += $piece) {
    my $at = syscall($nr{mmap}, 0, $piece, 3, 0x22, -1, 0);
    return "mmap after $had: $!" if $at == -1;
    my $filled = 0;
    while ($filled < $piece) { my $n = syscall($nr{read}, fileno $zero, $at + $filled, $piece - $filled); return "memory ends after $had: $!" if $n <= 0; $filled += $n }
  }
  return 'through: more than the limit';
}, 1);
none_worked(1);
`,
  },
  {
    id: 'd93-cpu',
    line: 93,
    tries:
      'keeps more processors busy than it may, for half a second, again and again while the machine is too busy to say',
    seconds: 30,
    control: 'the CPU quota of its cgroup',
    wall: 'limits',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: String.raw`
my $cpus = 0;
if (open my $f, '<', '/proc/cpuinfo') { while (<$f>) { $cpus++ if /^processor\s*:/ } }
$cpus ||= 1;
my $share = $A{cpu_limit} / 100;
refused("all $cpus processors are granted to it") if $share >= $cpus;
my $busy = POSIX::ceil($share) + 1;
$busy = $cpus if $busy > $cpus;
my $clock = $A{arch} eq 'aarch64' ? 113 : 228; # clock_gettime, CLOCK_MONOTONIC
sub now { my $t = "\0" x 16; syscall($clock, 1, $t); my ($s, $ns) = unpack 'q2', $t; return $s + $ns / 1e9 }
my $told = '';
for my $round (1 .. 12) {
  select undef, undef, undef, 0.4 if $round > 4; # a group has one share however many it is: only a quieter moment helps
  my ($start, $before) = (now(), (times)[2] + (times)[3]);
  my @children;
  for (1 .. $busy * ($round < 4 ? $round : 4)) { # on a busy machine more of them get more of it
    my $pid = fork;
    defined $pid or failed("fork: $!");
    if (!$pid) { 1 while now() - $start < 0.6; POSIX::_exit(0) }
    push @children, $pid;
  }
  waitpid $_, 0 for @children;
  my $wall = now() - $start;
  my $used = ((times)[2] + (times)[3] - $before) / $wall;
  $told = sprintf '%.2f processors for %.1f s, %.2f granted', $used, $wall, $share;
  done($told) if $used > $share * 1.3 + 0.1;
  refused($told) if $used > $share * 0.6 && $used <= $share * 1.3 + 0.03; # the quota was reached, and not passed: it is what held
}
failed("the machine is too busy to say: $told");
`,
  },
];

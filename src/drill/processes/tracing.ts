import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS, READING } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** A child of the attack's own, that waits, to be traced: no wall but the filter stands between them. */
const CHILD = `
sub sitting { my $pid = fork; return undef unless defined $pid; if (!$pid) { select undef, undef, undef, 5; POSIX::_exit(0) } return $pid }
sub with_child { my ($do) = @_; my $pid = sitting() or broken("fork: $!"); my $told = $do->($pid); kill 'KILL', $pid; waitpid $pid, 0; return $told }
our $there = 'a text that lies at the same address in a child';
sub at { return unpack 'Q', pack 'P', $there }
`;

export const tracing: readonly Attack[] = [
  {
    id: 'd61-trace',
    line: 61,
    tries: 'traces a child of its own, reads and writes its memory by system call, and takes a descriptor out of it',
    control: 'the filter refuses ptrace, process_vm_readv, process_vm_writev and pidfd_getfd',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${kernel('ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_open', 'pidfd_getfd')}${CHILD}
attempt('PTRACE_SEIZE', sub { with_child(sub { kernel('ptrace', 0x4206, $_[0], 0, 0) == 0 ? 'through' : "$!" }) });
attempt('PTRACE_ATTACH', sub { with_child(sub { kernel('ptrace', 16, $_[0], 0, 0) == 0 ? 'through' : "$!" }) });
attempt('PTRACE_TRACEME', sub { kernel('ptrace', 0, 0, 0, 0) == 0 ? 'through' : "$!" });
for my $call ('process_vm_readv', 'process_vm_writev') {
  attempt($call, sub { with_child(sub {
    my $mine = 'x' x 8;
    my $here = pack 'P Q', $mine, 8;
    my $far = pack 'Q2', at(), 8;
    return syscall($nr{$call}, $_[0], $here, 1, $far, 1, 0) == 8 ? 'through' : "$!";
  }) });
}
attempt('pidfd_getfd', sub { with_child(sub {
  my $fd = kernel('pidfd_open', $_[0], 0);
  return "pidfd_open: $!" if $fd < 0;
  return kernel('pidfd_getfd', $fd, 1, 0) >= 0 ? 'through' : "$!";
}) });
none_worked();
`,
  },
  {
    id: 'd61-victim-memory',
    line: 61,
    tries: 'opens memory, environment, maps and files of a process of the host',
    control: 'the pid namespace: the process does not exist inside; another uid besides',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${READING}
my $pid = 0 + $A{victim_pid};
my $line = slurp("/proc/$pid/cmdline");
refused("process $pid is not there: $!") unless defined $line;
refused("process $pid is one of its own") if index($line, $A{canary}) < 0;
attempt("/proc/$pid/mem", sub { sysopen(my $f, "/proc/$pid/mem", 2) ? 'through' : "$!" });
attempt("/proc/$pid/environ", sub { reaches("/proc/$pid/environ") ? 'through' : "$!" });
attempt("/proc/$pid/maps", sub { defined slurp("/proc/$pid/maps") ? 'through' : "$!" });
attempt("/proc/$pid/fd", sub { opendir(my $d, "/proc/$pid/fd") ? 'through' : "$!" });
none_worked();
`,
  },
  {
    id: 'f112-weaker-neighbour',
    line: 112,
    tries:
      'watches for a process that is less confined than itself (no filter, no no_new_privs, capabilities) and opens its memory for writing',
    control: 'the launcher: whoever enters the compartment is confined before it can be seen there',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-user',
    seconds: 15,
    remains: 'run, shell and probes that start in a loop meanwhile: a test of the launcher does that (test/hostile)',
    program: `${READING}${String.raw`
my ($looked, %seen) = (0);
my $start = time;
while (time - $start < 2) {
  opendir my $proc, '/proc' or refused("no /proc: $!");
  for my $pid (grep { /^[0-9]+$/ && $_ != $$ } readdir $proc) {
    my $status = slurp("/proc/$pid/status");
    next unless defined $status;
    $seen{$pid} = 1;
    $looked++;
    my %is = $status =~ /^(Seccomp|NoNewPrivs|CapEff|CapPrm|CapBnd|Uid):\s+(\S+)/mg;
    my @why;
    push @why, "Seccomp $is{Seccomp}" if $is{Seccomp} ne '2';
    push @why, "NoNewPrivs $is{NoNewPrivs}" if $is{NoNewPrivs} ne '1';
    push @why, "$_ $is{$_}" for grep { $is{$_} =~ /[^0]/ } qw(CapEff CapPrm CapBnd);
    next unless @why;
    next unless sysopen my $memory, "/proc/$pid/mem", 2;
    done("opened the memory of $pid, which has @why");
  }
  closedir $proc;
  select undef, undef, undef, 0.002;
}
refused(scalar(keys %seen) . " processes, looked at $looked times, none weaker and open");
`}`,
  },
  {
    id: 'f112-inherited-descriptors',
    line: 112,
    tries:
      'looks into the first processes of the compartment for descriptors that whoever started it had open, and opens them',
    control: 'the launcher closes all but what it hands on, before anything of the compartment runs',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'leaky',
    program: String.raw`
my @seen;
for my $pid (1, 2, $$) {
  opendir my $fds, "/proc/$pid/fd" or next;
  for my $fd (sort { $a <=> $b } grep { /^[0-9]+$/ && $_ > 2 } readdir $fds) {
    my $to = readlink "/proc/$pid/fd/$fd";
    next if !defined $to || $to =~ m{^/proc/} || $to =~ /^anon_inode:\[(eventfd|signalfd|eventpoll|timerfd)\]$/;
    push @seen, "$pid:$fd $to";
  }
}
@seen ? done(join ', ', @seen) : refused('nothing above 2');
`,
  },
];

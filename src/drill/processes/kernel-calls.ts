import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

const common = { wall: 'syscalls', tiers: EVERY_TIER } as const;

export const kernelCalls: readonly Attack[] = [
  {
    ...common,
    id: 'd94-kernel-surface',
    line: 94,
    tries:
      'uses parts of the kernel that an agent has no need of: keyrings, userfaultfd, performance events, secret memory, personalities',
    control: 'the filter refuses them',
    positive: 'host-user',
    remains: 'nf_tables by way of a user namespace: line 62 stops it before; vmsplice is allowed, pipes need it',
    program: `${ATTEMPTS}${kernel('keyctl', 'add_key', 'request_key', 'userfaultfd', 'perf_event_open', 'memfd_secret', 'personality')}${String.raw`
attempt('keyctl', sub { kernel('keyctl', 0, -3, 1) >= 0 || kernel('keyctl', 1, 0) >= 0 ? 'through' : "$!" }); # GET_KEYRING_ID, JOIN_SESSION_KEYRING
attempt('add_key', sub { kernel('add_key', 'user', 'drill', 'x', 1, -2) >= 0 ? 'through' : "$!" });
attempt('request_key', sub { kernel('request_key', 'user', 'drill-none', 0, 0) >= 0 || $! == 126 ? 'through: it was looked for' : "$!" }); # ENOKEY
attempt('userfaultfd', sub { kernel('userfaultfd', 1) >= 0 ? 'through' : "$!" });
attempt('perf_event_open', sub { my $attr = pack('L2Q5', 1, 112, 0, 0, 0, 0, 0x61) . "\0" x 64; kernel('perf_event_open', $attr, 0, -1, -1, 0) >= 0 ? 'through' : "$!" });
attempt('memfd_secret', sub { kernel('memfd_secret', 0) >= 0 ? 'through' : "$!" });
attempt('personality', sub { kernel('personality', 0x0400000) >= 0 ? 'through: READ_IMPLIES_EXEC' : "$!" });
none_worked();
`}`,
  },
  {
    ...common,
    id: 'd94-privileged-calls',
    line: 94,
    tries:
      'calls what only root may: BPF, the kernel log, modules, swap, accounting, ports, fanotify. The arguments are such that nothing happens even where they are allowed',
    control: 'no capabilities, and the filter refuses them',
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('bpf', 'syslog', 'init_module', 'finit_module', 'delete_module', 'kexec_load', 'swapon', 'acct', 'reboot', 'ioperm', 'iopl', 'fanotify_init', 'pidfd_open', 'process_madvise')}${String.raw`
# What only a caller with the privilege gets to hear about its arguments.
sub past { my ($r, @errors) = @_; my $e = $! + 0; return 'through' if $r >= 0; return "through: got as far as $!" if grep { $e == $_ } @errors; return "$!" }
attempt('bpf', sub { my $attr = pack('L4', 2, 4, 4, 1) . "\0" x 104; past(kernel('bpf', 0, $attr, 120)) });
attempt('syslog', sub { past(kernel('syslog', 10, 0, 0)) });
attempt('init_module', sub { my $image = "\0" x 64; past(kernel('init_module', $image, 64, ''), 8) });
attempt('finit_module', sub { past(kernel('finit_module', -1, '', 0), 9) });
attempt('delete_module', sub { past(kernel('delete_module', 'drill_none', 0x800), 2) });
attempt('kexec_load', sub { past(kernel('kexec_load', 0, 0, 0, 0x00ff0008), 22) });
attempt('swapon', sub { past(kernel('swapon', '/nonexistent/drill', 0), 2) });
attempt('acct', sub { past(kernel('acct', '/nonexistent/drill'), 2) });
attempt('reboot', sub { past(kernel('reboot', 0, 0, 0, 0), 22) });
attempt('ioperm', sub { past(kernel('ioperm', 0x80, 1, 1)) });
attempt('iopl', sub { past(kernel('iopl', 3)) });
attempt('fanotify_init', sub { past(kernel('fanotify_init', 0, 0)) });
our $there = 'a text that lies at the same address in a child';
attempt('process_madvise', sub {
  my $pid = fork;
  broken("fork: $!") unless defined $pid;
  if (!$pid) { select undef, undef, undef, 2; POSIX::_exit(0) }
  my $fd = kernel('pidfd_open', $pid, 0);
  my $range = pack 'Q2', unpack('Q', pack 'P', $there) & ~4095, 4096;
  my $told = past(kernel('process_madvise', $fd, $range, 1, 20, 0));
  kill 'KILL', $pid;
  return $told;
});
none_worked();
`}`,
  },
  {
    ...common,
    id: 'd96-clock-and-host',
    line: 96,
    tries: 'sets the clock and the names of the host, raises its own priority and its limits',
    control: 'no capabilities, and the filter',
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('adjtimex', 'clock_adjtime', 'sethostname', 'setdomainname', 'sched_setscheduler', 'setpriority', 'prlimit64', 'unshare')}${String.raw`
# struct timex: modes ADJ_SETOFFSET|ADJ_NANO with a second of 2e9 nanoseconds: refused as nonsense, but only after the privilege
my $timex = pack('L2', 0x2100, 0) . "\0" x 64 . pack('q2', 0, 2_000_000_000) . "\0" x 120;
attempt('adjtimex', sub { my $t = $timex; kernel('adjtimex', $t); $! == 22 ? 'through: got as far as the value' : "$!" });
attempt('clock_adjtime', sub { my $t = $timex; kernel('clock_adjtime', 0, $t); $! == 22 ? 'through: got as far as the value' : "$!" });
attempt('sethostname', sub { kernel('unshare', 0x4000000); my $name = (POSIX::uname())[1]; kernel('sethostname', $name, length $name) == 0 ? 'through' : "$!" });
attempt('setdomainname', sub { kernel('unshare', 0x4000000) == 0 or my $same = 1; kernel('setdomainname', 'drill', $same ? 99 : 5) == 0 ? 'through' : $! == 22 ? 'through' : "$!" });
attempt('SCHED_FIFO', sub { my $priority = pack 'L', 1; kernel('sched_setscheduler', 0, 1, $priority) == 0 ? 'through' : "$!" });
attempt('setpriority', sub { kernel('setpriority', 0, 0, -10) == 0 ? 'through' : "$!" });
attempt('prlimit', sub {
  my $had = "\0" x 16; # RLIMIT_MEMLOCK
  syscall($nr{prlimit64}, 0, 8, 0, $had) == 0 or return "prlimit: $!";
  my ($soft, $hard) = unpack 'Q2', $had;
  return 'nothing to raise' if $hard == ~0;
  my $more = pack 'Q2', $soft, $hard + 1;
  kernel('prlimit64', 0, 8, $more, 0) == 0 ? 'through' : "$!";
});
none_worked();
`}`,
  },
  {
    id: 'd96-become-root',
    line: 96,
    tries: 'becomes root, joins groups, takes capabilities',
    control: 'no capabilities in any set, and no no_new_privs to gain them by',
    wall: 'identity',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('setresuid', 'setresgid', 'setgroups', 'capset', 'prctl')}
attempt('setresuid', sub { kernel('setresuid', 0, 0, 0) == 0 ? 'through' : "$!" });
attempt('setresgid', sub { kernel('setresgid', 0, 0, 0) == 0 ? 'through' : "$!" });
attempt('setgroups', sub { my $list = pack 'L', 0; kernel('setgroups', 1, $list) == 0 ? 'through' : "$!" });
attempt('capset', sub { my $header = pack 'L2', 0x20080522, 0; my $all = pack 'L6', 3, 3, 0, 0, 0, 0; kernel('capset', $header, $all) == 0 ? 'through' : "$!" });
attempt('bounding set', sub { kernel('prctl', 24, 40, 0, 0, 0) == 0 ? 'through' : "$!" }); # PR_CAPBSET_DROP needs CAP_SETPCAP
none_worked();
`,
  },
  {
    id: 'd96-status',
    line: 96,
    tries: 'looks whether it has capabilities, or lacks no_new_privs or the filter',
    control: 'the launcher: every process starts with none of the one and both of the other',
    wall: 'identity',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: String.raw`
open my $f, '<', '/proc/self/status' or failed("/proc/self/status: $!");
my %is;
while (<$f>) { $is{$1} = $2 if /^(Cap\w+|NoNewPrivs|Seccomp|Uid|Gid|Groups):\s*(.*?)\s*$/ }
my @wrong = map { "$_ $is{$_}" } grep { $is{$_} =~ /[^0]/ } grep { /^Cap/ } sort keys %is;
push @wrong, "NoNewPrivs $is{NoNewPrivs}" if $is{NoNewPrivs} ne '1';
push @wrong, "Seccomp $is{Seccomp}" if $is{Seccomp} ne '2';
push @wrong, "Uid $is{Uid}" if $is{Uid} =~ /\b0\b/;
push @wrong, "Groups $is{Groups}" if " $is{Groups} " =~ / 0 /;
@wrong ? done("@wrong") : refused("no capabilities, NoNewPrivs 1, Seccomp 2, uid $is{Uid}");
`,
  },
];

import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS, READING } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** The agent's user may have a process outside: whatever is started under it by cron, by a login, or by us on the way in. To the kernel
 *  it is the same user; whoever gets into its memory or through its root is out. */
export const ownUid: readonly Attack[] = [
  {
    id: 'e105-own-uid-outside',
    line: 105,
    tries: 'sees, signals, limits and enters a process of its own user that is no part of its compartment',
    control: 'a pid namespace of its own',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${READING}${kernel('tgkill', 'rt_sigqueueinfo', 'pidfd_open', 'pidfd_send_signal', 'prlimit64')}${String.raw`
my $pid = 0 + $A{own_pid};
my $line = slurp("/proc/$pid/cmdline");
my $unseen = "$!";
# In a process namespace the number may be that of somebody inside; where numbers are the host's it is tried unseen.
refused("process $pid is not here: $unseen") if !defined $line && $A{tier} ne 'user';
refused("process $pid is another one") if defined $line && index($line, $A{canary}) < 0;
attempt('its arguments', sub { defined $line ? 'through' : $unseen });
for (qw(environ maps status)) { my $name = $_; attempt("its $name", sub { defined slurp("/proc/$pid/$name") ? 'through' : "$!" }) }
attempt('its memory', sub { sysopen(my $f, "/proc/$pid/mem", Fcntl::O_RDWR()) ? 'through' : "$!" });
for (qw(root cwd fd task)) { my $name = $_; attempt("its $name", sub { opendir(my $d, "/proc/$pid/$name") ? 'through' : "$!" }) }
attempt('its root', sub { -e "/proc/$pid/root/etc" ? 'through' : "$!" });
attempt('kill', sub { kill(0, $pid) ? 'through' : "$!" });
attempt('tgkill', sub { kernel('tgkill', $pid, $pid, 0) == 0 ? 'through' : "$!" });
attempt('rt_sigqueueinfo', sub { my $info = pack 'l3 x116', 0, 0, -1; kernel('rt_sigqueueinfo', $pid, 0, $info) == 0 ? 'through' : "$!" });
attempt('a pidfd', sub { my $fd = kernel('pidfd_open', $pid, 0); return "pidfd_open: $!" if $fd < 0; kernel('pidfd_send_signal', $fd, 0, 0, 0) == 0 ? 'through' : "$!" });
attempt('its limits', sub { my $limit = pack 'Q2', 0, 0; syscall($nr{prlimit64}, $pid, 7, 0, $limit) == 0 ? 'through' : "$!" });
none_worked();
`}`,
  },
];

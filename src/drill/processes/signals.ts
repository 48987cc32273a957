import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { READING } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** Signal 0 asks whether a signal could be sent; none is ever sent. A number may also be that of a process of the agent's own,
 *  so the process must be what it is looked for as. */
const SIGNAL = `${READING}${kernel('rt_sigqueueinfo', 'tgkill', 'pidfd_open', 'pidfd_send_signal', 'prlimit64', 'sched_setscheduler')}
my @no;
sub signals {
  my ($what, $pid, $mark) = @_;
  my $line = slurp("/proc/$pid/cmdline");
  if (defined $line && index($line, $mark) < 0) { push @no, "$what: $pid is another process"; return }
  my $why = defined $line ? '' : "not visible ($!)";
  if (kill 0, $pid) { done("could signal $what, process $pid") if defined $line; done("could signal $what, process $pid, unseen") if $A{tier} eq 'user'; push @no, "$what: $pid is a process that cannot be looked at"; return }
  $why .= " kill: $!";
  if (defined $line) {
    my $fd = kernel('pidfd_open', $pid, 0);
    done("could signal $what by a pidfd") if $fd >= 0 && kernel('pidfd_send_signal', $fd, 0, 0, 0) == 0;
    done("could signal a thread of $what") if kernel('tgkill', $pid, $pid, 0) == 0;
    my $limit = pack 'Q2', 0, 0;
    done("could read limits of $what") if syscall($nr{prlimit64}, $pid, 7, 0, $limit) == 0;
  }
  push @no, "$what: $why";
}
`;

export const signals: readonly Attack[] = [
  {
    id: 'd92-signal-host',
    line: 92,
    tries: 'signals a process of the host',
    control: 'the pid namespace: it has no number inside; another uid besides',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${SIGNAL}signals('a process of the host', $A{victim_pid}, $A{canary}); refused(join '; ', @no);`,
  },
  {
    id: 'd92-signal-programs',
    line: 92,
    tries: 'signals the warden, the ledger and the gateway',
    control: 'the pid namespace: they have no number inside; another uid besides',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${SIGNAL}
my $mark = $A{warden_pid} eq $A{victim_pid} ? $A{canary} : 'main.ts';
signals("the $_", $A{$_ . '_pid'}, $mark) for qw(warden ledger gateway);
refused(join '; ', @no);
`,
  },
  {
    id: 'e105-signal-other-agent',
    line: 105,
    tries: 'signals a process of another agent, and everybody it could signal at once (signal 0)',
    control: 'a pid namespace and a uid of its own',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${SIGNAL}${String.raw`
my $pid = 0 + $A{other_pid};
my $status = slurp("/proc/$pid/status");
my $why = "$!";
# Where numbers are those of the host it is tried unseen; its own are always seen.
if (!defined $status && $A{tier} eq 'user') { kill(0, $pid) ? done("could signal process $pid, unseen") : refused("process $pid is not seen ($why) and kill says: $!") }
refused("process $pid is not there: $why") unless defined $status;
my ($uid) = $status =~ /^Uid:\s+(\d+)/m;
refused("process $pid is one of its own") if $uid == $> && $> != 0;
done("could signal process $pid of uid $uid") if kill 0, $pid;
refused("kill: $!");
`}`,
  },
];

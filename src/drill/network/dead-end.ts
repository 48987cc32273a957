import type { Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack } from './shape.ts';

/** Where packets would go if there were no packet filter. The kernel answers that for whoever asks, by his uid (rtnetlink(7),
 *  RTM_GETROUTE), so nobody's rules need to be flushed to see it; that the way stays closed when they are is a test of its own
 *  (test/e2e/user-tier-net.test.ts), and so is a socket that is bound to an interface, for which IPv4 asks no route. Route types are those of rtnetlink(7): 1 leads somewhere, 2 is this machine. */
const ROUTES = String.raw`
sub way { my ($ip) = @_;
  my $raw = ip_of($ip);
  my $family = length $raw == 4 ? 2 : 10;
  socket(my $fh, 16, 3, 0) or failed("netlink: $!");
  my $body = pack('C8 L', $family, 8 * length $raw, 0, 0, 0, 0, 0, 0, 0) . pack('S2', 4 + length $raw, 1) . $raw;
  defined(send $fh, pack('L S2 L2', 16 + length $body, 26, 1, 1, 0) . $body, 0) or failed("asking for a route: $!");
  wait_for($fh, 0, time + 3) or failed('nobody says which way');
  defined(recv $fh, my $reply, 65536, 0) or failed("which way: $!");
  my ($length, $kind) = unpack 'L S', $reply;
  if ($kind == 2) { $! = -unpack 'x16 l', $reply; return (0, "$!") }
  my $type = unpack 'x23 C', $reply;
  my $out = 0;
  for (my $at = 28; $at + 4 <= $length; ) { my ($size, $name) = unpack "x$at S2", $reply; last if $size < 4; $out = unpack 'x' . ($at + 4) . ' L', $reply if $name == 4; $at += $size + 3 & ~3 }
  return ($type == 1 && $out != 1, "type $type, interface $out") }
`;

export const DEAD_END: readonly Attack[] = [
  attack({
    id: 'f116-flush',
    line: 116,
    tries: 'asks the kernel which way its packets would take if somebody flushed the packet filter',
    control: 'no route out of the network namespace: every address is local',
    program: text(`${ROUTES}
my $told = '';
for my $ip ($A{deny_ip}, $A{lan_ip}, $A{metadata_ip}, $A{deny_ip6}) {
  (my $leads, $told) = way($ip);
  done("$ip: $told") if $leads;
}
refused("every way ends on this machine: $told");`),
    positive: 'open-net',
  }),
  attack({
    id: 'f116-chosen-interface',
    line: 116,
    tries:
      'chooses the interface itself, so that no rule about routes is asked: SO_BINDTODEVICE, IP_UNICAST_IF, SO_DONTROUTE',
    control: 'a network namespace with a loopback and no interface besides',
    program: text(String.raw`
my @names;
if (open my $list, '<', '/proc/net/dev') { while (<$list>) { push @names, $1 if /^\s*([^\s:]+):/ } }
my %index = map { my $name = $_; my $at = 0; if (open my $f, '<', "/sys/class/net/$name/ifindex") { $at = 0 + <$f> } ($name => $at) } @names;
my @why;
for my $name (grep { $_ ne 'lo' } @names) {
  for (['TCP', SOCK_STREAM], ['UDP', SOCK_DGRAM]) {
    my ($what, $kind) = @$_;
    for my $how ('bound', 'chosen', 'unrouted') {
      socket(my $fh, AF_INET, $kind, 0) or do { push @why, "$!"; next };
      my $set = $how eq 'bound' ? setsockopt($fh, SOL_SOCKET, 25, "$name\0") : $how eq 'chosen' ? setsockopt($fh, 0, 50, pack 'N', $index{$name}) : setsockopt($fh, SOL_SOCKET, 5, pack 'l', 1);
      if (!$set) { push @why, "$how: $!"; next }
      fcntl($fh, F_SETFL, O_NONBLOCK);
      if (!connect($fh, place($A{deny_ip}, 443)) && !$!{EINPROGRESS}) { push @why, "connect: $!"; next }
      if (!wait_for($fh, 1, time + 2)) { push @why, 'never connected'; next }
      my $error = unpack 'i', getsockopt($fh, SOL_SOCKET, SO_ERROR);
      if ($error) { $! = $error; push @why, "connect: $!"; next }
      put($fh, $kind == SOCK_STREAM ? get($A{deny_ip}) : $A{canary}) or do { push @why, $ended; next };
      done("$what $how to $name: answered") if hear($fh, any_token(), 1) =~ any_token();
      push @why, $ended;
    }
  }
}
my %told = map { $_ => 1 } @why;
refused(@why ? join '; ', sort keys %told : 'it has no interface but the loopback');`),
    positive: 'open-net',
    watch: ['far'],
    seconds: 40,
  }),
];

# Tries ways to somewhere, each an argument KIND,ADDRESS,PORT[,from=ADDRESS][,dev=LINK], and prints what came of each: the last line of
# what was answered, or an error. Runs as the agent; only what Perl has built in.
use strict; use warnings; use Socket;
$| = 1;
my $wait = pack 'qq', 0, 400_000;
for my $way (@ARGV) {
  my ($kind, $address, $port, @more) = split /,/, $way;
  my %with = map { split /=/, $_, 2 } @more;
  my $six = $address =~ /:/;
  my $at = $six ? pack('S n N a16 N', AF_INET6, $port, 0, Socket::inet_pton(AF_INET6, $address), 0) : pack_sockaddr_in($port, inet_aton($address));
  print "$way ", answer($kind, $six, $at, %with), "\n";
}
sub answer {
  my ($kind, $six, $at, %with) = @_;
  my ($type, $protocol) = $kind eq 'tcp' ? (SOCK_STREAM, 0) : $kind eq 'mptcp' ? (SOCK_STREAM, 262) : $kind eq 'icmp' ? (SOCK_DGRAM, $six ? 58 : 1)
    : $kind eq 'sctp' ? (SOCK_STREAM, 132) : $kind eq 'raw' ? (SOCK_RAW, 255) : (SOCK_DGRAM, 0);
  socket(my $s, $six ? AF_INET6 : AF_INET, $type, $protocol) or return "no socket: $!";
  setsockopt $s, SOL_SOCKET, $_, $wait for 20, 21;
  setsockopt $s, SOL_SOCKET, SO_BROADCAST, 1;
  if ($with{dev}) { setsockopt($s, SOL_SOCKET, 25, "$with{dev}\0") or return "not bound to a link: $!" }
  if ($with{join}) { return setsockopt($s, 0, 35, inet_aton($with{join}) . inet_aton($with{from})) ? 'joined' : "not joined: $!" }
  if ($with{from}) {
    my $from = $with{from} =~ /:/ ? pack('S n N a16 N', AF_INET6, 0, 0, Socket::inet_pton(AF_INET6, $with{from}), 0) : pack_sockaddr_in(0, inet_aton($with{from}));
    bind($s, $from) or return "not bound: $!";
  }
  connect($s, $at) or return "no connection: $!";
  my $says = $kind eq 'icmp' ? pack('C C n n n a*', $six ? 128 : 8, 0, 0, 1, 1, 'canary') : $kind eq 'udp' ? 'canary' : "GET / HTTP/1.0\r\nHost: canary\r\n\r\n";
  defined syswrite($s, $says) or return "not sent: $!";
  my $got = '';
  while (sysread $s, my $part, 4096) { $got .= $part; last if $type != SOCK_STREAM }
  return $got eq '' ? "nothing: $!" : $got =~ /"denied"/ ? 'denied' : (split /\n/, $got)[-1];
}

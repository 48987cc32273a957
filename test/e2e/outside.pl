# Answers with a word on TCP and UDP ports. As root it also prints every packet that arrives in its network namespace, one a line.
use strict; use warnings; use Socket; use IO::Select;
my ($word, @ports) = @ARGV;
$| = 1;
my ($select, %is) = (IO::Select->new);
my $wire;
if ($> == 0) {
  socket($wire, 17, 3, unpack('S', pack('n', 3))) or die "packet socket: $!"; # packet(7), ETH_P_ALL
  $select->add($wire);
}
for my $port (@ports) {
  for my $type (SOCK_STREAM, SOCK_DGRAM) {
    socket(my $s, AF_INET6, $type, 0) or die "socket: $!";
    setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
    setsockopt($s, 41, 26, pack('l', 0)); # IPv4 as well
    bind($s, pack('S n N a16 N', AF_INET6, $port, 0, "\0" x 16, 0)) or die "bind $port: $!";
    listen($s, 50) if $type == SOCK_STREAM;
    $select->add($s); $is{fileno $s} = $type == SOCK_STREAM ? 'listener' : 'datagrams';
  }
}
print "ready\n";
while (1) {
  for my $s ($select->can_read) {
    my $kind = $is{fileno $s} // '';
    if (defined $wire && $s == $wire) {
      my $from = recv($wire, my $frame, 2000, 0);
      my ($family, $proto, $at, $hw, $way) = unpack 'S n i S C', $from; # sockaddr_ll; 4 is what we sent ourselves
      next if $way == 4 || $at == 1;
      print "packet ", unpack('H*', $frame), "\n";
    } elsif ($kind eq 'listener') {
      accept(my $c, $s) or next;
      $select->add($c);
    } elsif ($kind eq 'datagrams') {
      my $from = recv($s, my $data, 2000, 0);
      send($s, "$word\n", 0, $from) if defined $from;
    } else {
      if (sysread $s, my $data, 2000) { syswrite $s, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n$word\n" }
      $select->remove($s); close $s;
    }
  }
}

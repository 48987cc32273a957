# The launcher's part for compartments without root, in a user namespace of the operator's: read by launch.pl where such a namespace is
# made, and for its modes rules, sockets, dial and tree, as only who is in it reaches the network inside.
use strict;
our (%n, %space);

# A user namespace in which only we are there, under our own ids, and what else it is to own.
sub owned {
  my ($also) = @_;
  my ($u, $g) = ($> + 0, (split ' ', $))[0] + 0);
  must('a user namespace', call('unshare', $space{user} | $also));
  for (['setgroups', 'deny'], ['uid_map', "$u $u 1"], ['gid_map', "$g $g 1"]) {
    open(my $f, '>', "/proc/self/$_->[0]") or fail("open $_->[0]");
    syswrite($f, $_->[1]) or fail("write $_->[0]");
  }
}
# A tool of the system keeps capabilities over exec only if they are ambient (capabilities(7)): 12 NET_ADMIN, 13 NET_RAW, 21 SYS_ADMIN.
sub ambient {
  my $header = pack 'LL', 0x20080522, 0;
  my $sets = "\0" x 24;
  must('capget', syscall($n{capget}, $header, $sets)); # not by call(), which works on copies
  my @set = unpack 'L6', $sets;
  $sets = pack 'L6', $set[0], $set[1], $set[1], $set[3], $set[4], $set[4]; # inheritable is what is permitted
  must('capset', call('capset', $header, $sets));
  for (12, 13, 21) { must('raise a capability', call('prctl', 47, 2, $_, 0, 0)) }
  $ENV{PATH} = '/usr/sbin:/usr/bin:/sbin:/bin';
}
sub tool {
  my ($input, @command) = @_;
  open(my $to, '|-', @command) or fail("start $command[0]");
  print $to $input;
  close $to or die "launcher: $command[0] ended with status @{[$? >> 8]}\n";
}
# The compartment's network: loopback, every address local, our table; and the setting that keeps our ports ours. That
# nobody may ping is how a network namespace begins (ping_group_range 1 0), and names groups that a user namespace does not have.
sub door {
  my ($rules) = @_;
  ambient();
  tool("link set lo up\nroute add local default dev lo\nroute add local ::/0 dev lo\n", 'ip', '-batch', '-');
  open(my $f, '>', '/proc/sys/net/ipv4/ip_unprivileged_port_start') or fail('open ip_unprivileged_port_start');
  syswrite($f, '1024') or fail('write ip_unprivileged_port_start');
  close $f;
  tool($rules, 'nft', '-f', '-');
  must('clear ambient capabilities', call('prctl', 47, 4, 0, 0, 0));
}

sub list_rules {
  ambient();
  start('nft', '-s', 'list', 'ruleset');
  fail('start nft');
}
# open_tree(2), OPEN_TREE_CLONE; mount_setattr(2), MOUNT_ATTR_RDONLY, NOSUID, NODEV. For both we need a mount namespace of our own.
sub closed_tree {
  my ($at) = @_;
  my ($empty, $attr) = ('', pack 'Q4', 1 | 2 | 4, 0, 0, 0);
  owned(0x00020000);
  my $tree = must("open_tree $at", call('open_tree', -100, $at, 1 | 02000000));
  must("close $at", call('mount_setattr', $tree, $empty, 0x1000, $attr, length $attr));
  open(my $made, '<&=', $tree) or fail("open $at");
  return $made;
}
sub gateway_sockets { return (listener(2), listener(10), map { (bound_socket(2, 2, $_), bound_socket(10, 2, $_)) } 53, 123) }
# socket(2), ip(7), ipv6(7): the same as src/host/net/netns.ts makes; 04000 is SOCK_NONBLOCK.
sub here { my ($family, $p) = @_; return $family == 2 ? pack 'S n a4 x8', 2, $p, "\x7f\0\0\1" : pack 'S n N a16 N', 10, $p, 0, "\0" x 15 . "\1", 0 }
sub bound_socket {
  my ($family, $type, $p, @options) = @_;
  socket(my $s, $family, $type | 04000, 0) or fail('socket');
  push @options, [41, 26] if $family == 10; # IPV6_V6ONLY
  for (@options) { setsockopt($s, $_->[0], $_->[1], 1) or fail("setsockopt @$_") }
  bind($s, here($family, $p)) or fail("bind to port $p");
  return $s;
}
sub listener {
  my ($family) = @_;
  # IP_TRANSPARENT, IPV6_TRANSPARENT; SO_REUSEADDR
  my $s = bound_socket($family, 1, 1001, $family == 2 ? [0, 19] : [41, 75], [1, 2]);
  listen($s, 1024) or fail('listen');
  return $s;
}
sub dialled {
  my ($p) = @_;
  socket(my $s, 2, 1 | 04000, 0) or fail('socket');
  connect($s, here(2, $p)) or $! == EINPROGRESS or exit 3; # nothing listens there
  return $s;
}
1;

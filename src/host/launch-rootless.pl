# The launcher's part for compartments without root, whose network only who is in the namespace around it reaches: read by launch.pl
# for its modes rules, sockets, dial and tree.

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
sub gateway_sockets { return (listener(2), listener(10), bound_socket(2, 2, 53), bound_socket(10, 2, 53)) }
# socket(2), ip(7), ipv6(7): the same four as src/host/netns.ts makes; 04000 is SOCK_NONBLOCK.
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

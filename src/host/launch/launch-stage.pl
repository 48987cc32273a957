# The launcher's part for a root that is put together: read by launch.pl with the order `stage`, for its modes that make a compartment.
use strict;
our (%n, %space, $own);

sub touch { open(my $f, '>', $_[0]) or fail("create $_[0]"); close $f }
# In a user namespace the flags a mount came with are locked (mount_namespaces(7)): asking for less is refused, so they are kept.
sub locked {
  my ($at) = @_;
  return 0 unless $own;
  my $buffer = "\0" x 256; # struct statfs (statfs(2)): eleventh word f_flags, whose lowest four bits are those of mount(2)
  must("statfs $at", syscall($n{statfs}, "$at", $buffer));
  return (unpack 'q11', $buffer)[10] & 15;
}

# Execute and nothing else: a process of a file that its user cannot read is one that no other process of that user can look into
# or change (execve(2), proc(5), PR_SET_DUMPABLE in prctl(2)).
sub stub {
  my ($from, $at) = @_;
  open(my $in, '<:raw', $from) or fail("open $from");
  open(my $out, '>:raw', $at) or fail("make $at");
  local $/;
  print $out scalar <$in>;
  close $out or fail("write $at");
  chmod 0111, $at or fail("chmod $at");
}

sub linked { my ($to, $at) = @_; symlink $to, $at or fail("link $at") }
sub flagged { my ($from, $at, $flags) = @_; bound($from, $at); mnt('none', $at, 0, MS_BIND | MS_REMOUNT | flags($flags) | locked($at), 0) }
sub bound {
  my ($from, $at) = @_;
  if (-d $from) { mkdir $at or -d $at or fail("make $at") } elsif (!-e $at) { touch($at) }
  return if call('mount', $from, $at, 0, MS_BIND, 0) >= 0;
  # mount_namespaces(7): what came with the namespace is one piece, and no part of it can be bound without what covers it.
  die "launcher: something is mounted below $from, and without root it cannot be left out\n" if $own && $! == EINVAL;
  fail("mount $at");
}

# An idmapped mount (mount_setattr(2), MOUNT_ATTR_IDMAP): what its owner owns on disk appears as the agent's, and the other way
# round; every other owner appears as nobody. "DISK SEEN" are the two ids.
sub mapped {
  my ($from, $at, $flags, $uids, $gids) = @_;
  mkdir $at or -d $at or fail("make $at");
  pipe(my $hold, my $go) or fail('pipe');
  pipe(my $told, my $tell) or fail('pipe');
  my $holder = fork // fail('fork');
  if (!$holder) {
    close $go; close $told;
    syswrite $tell, call('unshare', $space{user}) < 0 ? 'n' : 'y';
    sysread $hold, my $byte, 1;
    exit 0;
  }
  sysread $told, my $ok, 1;
  fail('a user namespace for the owner map') unless ($ok // '') eq 'y';
  for (['uid_map', $uids], ['gid_map', $gids]) {
    open(my $f, '>', "/proc/$holder/$_->[0]") or fail("open $_->[0]");
    syswrite($f, "$_->[1] 1\n") or fail("write $_->[0]");
  }
  open(my $user, '<', "/proc/$holder/ns/user") or fail('open the owner map');
  my $empty = '';
  my $tree = must("open_tree $from", call('open_tree', -100, $from, 1 | 02000000));
  # struct mount_attr: attr_set, attr_clr, propagation, userns_fd, each 64 bits; MOUNT_ATTR_RDONLY 1 NOSUID 2 NODEV 4 NOEXEC 8
  my $attr = pack 'Q4', 0x00100000 | flags($flags), 0, 0, fileno($user);
  must("map the owner of $from", call('mount_setattr', $tree, $empty, 0x1000, $attr, length $attr));
  must("move_mount $at", call('move_mount', $tree, $empty, -100, $at, 4));
  open(my $closing, '<&=', $tree); close $closing;
  close $go;
  waitpid $holder, 0;
}
1;

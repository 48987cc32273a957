#!/usr/bin/perl
# Puts the stub over one file that an agent made (exec.own: ask), or over one of the host's that is on no list (tier user), for as long as standard
# input is open, and copies what is under it.
# Runs as the warden's user, started by it with PID, SINCE (its start time: proc(5), stat), BASE (-100 or a descriptor of that process), the path in hexadecimal, the most bytes; descriptor 3 is
# where the copy goes. Says "found own|host NAME" (hexadecimal: the path inside), is told to go on by a byte "y", then says "covered"; or "no WHY".
#
# Nothing rests on the path: whatever it leads to now is looked at without being opened, must be a regular file of the workspace's
# own mount, or one that everybody may execute on a mount that is read-only here, and that file is copied and covered, by descriptor. What the
# agent's exec finds afterwards under the path is the stub, or something that the kernel does not start.
use strict;
BEGIN { $^W = 1 }

open(my $arch, '<', '/proc/sys/kernel/arch') or die "kernel 6.1 or newer is needed\n";
chomp(my $machine = <$arch>);
my %n = (openat2 => 437, open_tree => 428, move_mount => 429,
  $machine eq 'aarch64' ? (setns => 268, statx => 291, fstatfs => 44, umount2 => 39, ioctl => 29) : (setns => 308, statx => 332, fstatfs => 138, umount2 => 166, ioctl => 16));
sub O_PATH () { 010000000 } sub O_CLOEXEC () { 02000000 } sub O_NONBLOCK () { 04000 } sub O_NOCTTY () { 0400 }
sub AT_FDCWD () { -100 } sub AT_EMPTY_PATH () { 0x1000 }
sub NO_MAGIC_LINKS () { 2 } # openat2(2), RESOLVE_NO_MAGICLINKS
sub NEW_MOUNTS () { 0x00020000 } sub NEW_USERS () { 0x10000000 }
my $empty = '';

sub no_way { print "no $_[0]\n"; exit 0 }
sub must { my ($what, $r) = @_; $r >= 0 or no_way("$what: $!"); return $r }
# struct statx (statx(2)): stx_mode 16 bits at 28, stx_ino 64 at 32, stx_size at 40, stx_mnt_id at 144 (mask 0x1000)
sub look {
  my ($at, $path, $flags) = @_;
  my $buffer = "\0" x 256;
  must('look', syscall($n{statx}, $at, $path, $flags, 0x17ff, $buffer));
  return { mode => unpack('S', substr $buffer, 28), size => unpack('Q', substr $buffer, 40), mount => unpack('Q', substr $buffer, 144) };
}

$| = 1;
my ($pid, $since, $base, $hex, $most) = @ARGV;
$pid =~ /^\d+$/ && $since =~ /^\d+$/ && $base =~ /^-?\d+$/ && $most =~ /^\d+$/ or die "usage: PID SINCE BASE PATH MOST\n";
my $path = pack 'H*', $hex;
no_way('no path') if $path eq '' || $path =~ /\0/;
if ($path !~ m{^/}) {
  my $from = readlink($base == AT_FDCWD ? "/proc/$pid/cwd" : "/proc/$pid/fd/$base") // no_way('it is gone');
  $path = "$from/$path";
}
open(my $mounts, '<', "/proc/$pid/ns/mnt") or no_way('it is gone');
# A pid may be another's by now; a start time is not, and what was opened before is of whoever has it still.
open(my $stat, '<', "/proc/$pid/stat") or no_way('it is gone');
(split ' ', (join('', <$stat>) =~ s{^.*\)}{}sr))[19] == $since or no_way('it is gone'); # the name before it is its owner's choice
opendir(my $proc, '/proc') or die "open /proc: $!\n";
if ($> != 0) { # without root: in the user namespace that owns these mounts, which is ours, and over nothing else, we may mount (user_namespaces(7))
  my $users = must('find its owner', syscall($n{ioctl}, fileno($mounts), 0xb701, 0)); # ioctl_ns(2): NS_GET_USERNS
  must('join', syscall($n{setns}, $users, NEW_USERS));
}
must('enter', syscall($n{setns}, fileno($mounts), NEW_MOUNTS));
my $how = pack 'QQQ', O_PATH | O_CLOEXEC, 0, NO_MAGIC_LINKS;
my $file = must('find', syscall($n{openat2}, AT_FDCWD, $path, $how, length $how));
my $found = look($file, $empty, AT_EMPTY_PATH);
my $workspace = look(AT_FDCWD, my $at = '/workspace', 0);
no_way('no regular file that may be executed') unless ($found->{mode} & 0170000) == 0100000 && $found->{mode} & 0111;
my $own = $found->{mount} == $workspace->{mount};
unless ($own) {
  my $about = "\0" x 120; # statfs(2): f_flags, the eleventh of its words of 64 bits, has 1 where the mount is read-only (ST_RDONLY)
  must('look', syscall($n{fstatfs}, $file, $about));
  no_way('not in the workspace') unless unpack('Q', substr $about, 80) & 1;
  no_way('not for everybody to execute') unless $found->{mode} & 1;
}
no_way('too long') if $found->{size} > $most;
chdir $proc or die "chdir: $!\n"; # the host's, where our own descriptors are
my $name = readlink("self/fd/$file") // no_way('it is gone');
no_way('it is deleted') if $name =~ / \(deleted\)$/ || ($own && $name !~ m{^/workspace/});
print 'found ', ($own ? 'own ' : 'host '), unpack('H*', $name), "\n";
sysread(STDIN, my $word, 1) or exit 0;
exit 0 if $word ne 'y';
sysopen(my $in, "self/fd/$file", O_NONBLOCK | O_NOCTTY) or no_way("read: $!");
open(my $out, '>&=', 3) or die "no descriptor 3\n";
for (my $copied = 0;;) {
  my $got = sysread $in, my $bytes, 1 << 20;
  no_way("read: $!") unless defined $got;
  last if $got == 0;
  no_way('too long') if ($copied += $got) > $most;
  while (length $bytes) { substr($bytes, 0, syswrite($out, $bytes) // no_way("copy: $!")) = '' }
}
close $out or no_way("copy: $!");
my $tree = must('stub', syscall($n{open_tree}, AT_FDCWD, my $stub = '/etc/bulkhead/stub', 1 | O_CLOEXEC));
# MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH
must('cover', syscall($n{move_mount}, $tree, $empty, $file, my $there = '', 4 | 0x40));
print "covered\n";
sysread STDIN, my $byte, 1;
must('uncover', syscall($n{umount2}, my $top = "self/fd/$tree", 2)); # MNT_DETACH
print "uncovered\n";

#!/usr/bin/perl
# Runs one elevated command, outside of every compartment, and passes its bytes (docs/design/012-elevated.md).
# Runs as root, started by the warden for each command, with what to run on descriptor 3 (one word a line, text in hexadecimal) and a socket
# on 4, whose other end is the stub's in the compartment, or the gateway's. Nothing that comes from there is anything but the command's input.
# To the other side go frames: kind (0 its end, 1 output, 2 errors), status, length (16 bits, little-endian), that many bytes.
# On standard output, for the warden: "ended STATUS" or "ended STATUS HOW".
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);

my $arch = do { open(my $f, '<', '/proc/sys/kernel/arch') or die "elevate: which processor this is cannot be read\n"; <$f> };
# arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h
my %n = $arch =~ /aarch64/
  ? (prctl => 167, setresuid => 147, setresgid => 149, setgroups => 159, close_range => 436, setsid => 157, ppoll => 73, clock_gettime => 113, shutdown => 210, pidfd_open => 434)
  : (prctl => 157, setresuid => 117, setresgid => 119, setgroups => 116, close_range => 436, setsid => 112, ppoll => 271, clock_gettime => 228, shutdown => 48, pidfd_open => 434);
use constant { POLLIN => 1, POLLOUT => 4, POLLERR => 8, POLLHUP => 16, PIECE => 4096, GRACE => 5 };

sub fail { syswrite STDERR, "elevate: $_[0]: $!\n"; exit 125 }
sub must { my ($what, $r) = @_; fail($what) if $r < 0; return $r }
sub call { my ($name, @with) = @_; return syscall($n{$name}, @with) }

must('PR_SET_PDEATHSIG', call('prctl', 1, 15, 0, 0, 0)); # the warden's end is the command's
open(my $spec, '<&=', 3) or fail('nothing on descriptor 3');
my (@argv, %env, @groups, $file, $uid, $gid, $cgroup, $ms, $nnp, $whole);
while (my $line = <$spec>) {
  chomp $line;
  my ($what, @with) = split / /, $line, -1;
  if ($what eq 'arg') { push @argv, pack 'H*', $with[0] } elsif ($what eq 'env') { $env{$with[0]} = pack 'H*', $with[1] }
  elsif ($what eq 'file') { $file = pack 'H*', $with[0] } elsif ($what eq 'uid') { $uid = 0 + $with[0] }
  elsif ($what eq 'gid') { $gid = 0 + $with[0] } elsif ($what eq 'group') { push @groups, 0 + $with[0] }
  elsif ($what eq 'cgroup') { $cgroup = pack 'H*', $with[0] } elsif ($what eq 'ms') { $ms = 0 + $with[0] }
  elsif ($what eq 'nnp') { $nnp = 1 } elsif ($what eq 'end') { $whole = 1 } else { die "elevate: no such word $what\n" }
}
close $spec;
die "elevate: it was not told all\n" unless $whole && @argv && defined $uid && defined $gid && defined $file && defined $cgroup;

open(my $peer, '+<&=', 4) or fail('no socket on descriptor 4');
pipe(my $in_read, my $in) or fail('pipe');
pipe(my $out, my $out_write) or fail('pipe');
pipe(my $err, my $err_write) or fail('pipe');

my $child = fork // fail('fork');
if (!$child) {
  open(my $procs, '>', "$cgroup/cgroup.procs") or fail('join its cgroup');
  syswrite($procs, "0\n") or fail('join its cgroup');
  must('setsid', call('setsid'));
  require POSIX;
  POSIX::dup2(fileno($in_read), 0); POSIX::dup2(fileno($out_write), 1); POSIX::dup2(fileno($err_write), 2);
  must('close_range', call('close_range', 3, 0xffffffff, 0));
  my $list = pack 'L*', @groups, 0;
  must('setgroups', call('setgroups', scalar(@groups), $list));
  must('setresgid', call('setresgid', $gid, $gid, $gid));
  must('setresuid', call('setresuid', $uid, $uid, $uid));
  must('PR_SET_NO_NEW_PRIVS', call('prctl', 38, 1, 0, 0, 0)) if $nnp;
  umask 022;
  chdir '/' or fail('enter /');
  $SIG{$_} = 'DEFAULT' for qw(PIPE INT TERM HUP CHLD FPE);
  %ENV = %env;
  { no warnings; exec { $file } @argv }
  my $why = "$!";
  syswrite STDERR, "bulkhead: $argv[0] cannot be started: $why\n";
  POSIX::_exit(126);
}
close $_ for $in_read, $out_write, $err_write;
# From here on nothing waits for anything but in the poll: the other side may stop, or never read.
for ($peer, $in, $out, $err) { fcntl($_, F_SETFL, fcntl($_, F_GETFL, 0) | O_NONBLOCK) or fail('O_NONBLOCK') }
$SIG{PIPE} = 'IGNORE';
my $ending;
$SIG{TERM} = sub { $ending = 'the warden ended' };
my $pid = must('pidfd_open', call('pidfd_open', $child, 0));

my ($input, $frames) = ('', '');
my ($how, $gone, $status, $kill_at);
my $deadline = time_now() + $ms / 1000;
sub time_now { my $t = "\0" x 16; syscall($n{clock_gettime}, 1, $t); my ($s, $ns) = unpack 'q q', $t; return $s + $ns / 1e9 } # CLOCK_MONOTONIC
sub stop { my ($why) = @_; return if $how; $how = $why; kill(TERM => -$child) || kill TERM => $child; $kill_at = time_now() + GRACE }
sub kill_all { open(my $f, '>', "$cgroup/cgroup.kill") or fail('cgroup.kill'); syswrite $f, '1' }
sub frame { my ($kind, $status, $bytes) = @_; $frames .= pack('CCS<', $kind, $status, length $bytes) . $bytes }

my $reading = 1; # the other side may still send
while (!defined $status || (!$gone && length $frames) || ($out || $err)) {
  my $now = time_now();
  if (!defined $status) {
    stop($ending) if $ending;
    stop('its time was over') if $now >= $deadline;
    kill_all() if $kill_at && $now >= $kill_at;
  } elsif ($now >= $kill_at) { last } # the other side takes nothing more, or one that holds its output has left our cgroup
  my $room = length $frames < 16 * PIECE;
  my @polled = ([$peer, $gone ? -1 : fileno $peer, ($reading && $in && !length $input ? POLLIN : 0) | (length $frames ? POLLOUT : 0)]);
  push @polled, [$in, fileno $in, length $input ? POLLOUT : 0] if $in;
  push @polled, [$out, fileno $out, POLLIN] if $out && $room;
  push @polled, [$err, fileno $err, POLLIN] if $err && $room;
  push @polled, ['child', $pid, POLLIN] unless defined $status;
  my $fds = join '', map { pack 'l s s', $_->[1], $_->[2], 0 } @polled;
  my $until = defined $status || $kill_at ? $kill_at : $deadline;
  my $wait = $until - $now < 0.05 ? 0.05 : $until - $now > 1 ? 1 : $until - $now;
  my $time = pack 'q q', int $wait, int(($wait - int $wait) * 1e9);
  syscall($n{ppoll}, $fds, scalar @polled, $time, 0, 0);
  for my $i (0 .. $#polled) {
    my $seen = (unpack 'l s s', substr $fds, 8 * $i, 8)[2] or next;
    my $what = $polled[$i][0];
    if ($what eq 'child') {
      waitpid $child, 0;
      $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
      $how //= 'signal ' . ($? & 127) if $? & 127;
      kill_all(); # whatever it left behind
      my $least = time_now() + GRACE;
      $kill_at = $deadline > $least ? $deadline : $least;
      close $in if $in;
      undef $in;
    } elsif ($what == $peer) {
      if ($seen & (POLLHUP | POLLERR)) { # not the end of the input alone: nobody is there any more
        $gone = 1; $frames = '';
        stop('whoever asked is gone') unless defined $status;
      } elsif ($seen & POLLIN) {
        my $got = sysread $peer, $input, PIECE;
        $reading = 0 if defined $got && $got == 0;
      }
      if (!$gone && $seen & POLLOUT) { my $sent = syswrite $peer, $frames; substr $frames, 0, $sent, '' if $sent }
    } elsif ($in && $what == $in) {
      my $took = length $input ? syswrite $in, $input : 0;
      if ($took) { substr $input, 0, $took, '' }
      elsif ($seen & (POLLERR | POLLHUP)) { # it reads nothing more
        close $in; undef $in; $input = '';
        call('shutdown', fileno $peer, 0);
      }
    } else {
      my $kind = $out && $what == $out ? 1 : 2;
      my $got = sysread $what, my $bytes, PIECE;
      if ($got) { frame($kind, 0, $bytes) unless $gone }
      elsif (defined $got || ($! != EAGAIN && $! != EINTR)) { close $what; $kind == 1 ? undef $out : undef $err }
    }
  }
  if ($in && !$reading && !length $input) { close $in; undef $in }
}
kill_all();
unless ($gone) {
  frame(0, $status, '');
  my $end = time_now() + GRACE;
  while (length $frames && time_now() < $end) {
    my $sent = syswrite $peer, $frames;
    if ($sent) { substr $frames, 0, $sent, '' }
    elsif ($! != EAGAIN && $! != EINTR) { last }
    else { select undef, undef, undef, 0.005 }
  }
}
my $line = "ended $status" . (defined $how ? " $how" : '') . "\n";
syswrite STDOUT, $line;
exit 0;

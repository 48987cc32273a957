#!/usr/bin/perl
# `bulkhead run` on pipes without Node, in a tenth of the time (docs/design/007-fast-run.md): what attach.ts does there.
# Runs as: the operator, or root.  Holds: nothing.
# Trusts: the warden's answers.
# Never: decides anything. A terminal, an option that it does not know, a text that is not UTF-8, a warden that is not there or
#   refuses: all of that is left to the command line in Node, which asks again. What was refused has not happened.
use strict;
my ($top, @words) = @ARGV;

sub otherwise { $ENV{BULKHEAD_CLIENT} = 'node'; exec '/bin/sh', "$top/bulkhead", @words; exit 125 }
# Our own failure: two lines, and the status that no command of an agent's is given.
sub fail { print STDERR "$_[0]\n$_[1]\n"; exit 125 }

open(my $arch, '<', '/proc/sys/kernel/arch') or otherwise();
# System call numbers: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h
my %numbers = ("x86_64\n" => [47, 14, 289], "aarch64\n" => [212, 135, 74]);
my ($recvmsg, $sigprocmask, $signalfd) = @{ $numbers{ <$arch> } || otherwise() };
-l "/proc/self/fd/$_" or otherwise() for 0 .. 2;

# The words: run AGENT [--] COMMAND..., with --state DIR anywhere before `--`.
my ($state, @operands) = $ENV{BULKHEAD_STATE};
for (my @rest = @words; @rest;) {
  my $word = shift @rest;
  if ($word eq '--') { push @operands, splice @rest }
  elsif ($word eq '--state' && @rest && $rest[0] =~ /^[^-]/) { $state = shift @rest }
  elsif ($word =~ /^-/) { otherwise() }
  else { push @operands, $word }
}
sub chosen_state { # chosenState in src/plan/places.ts
  my $common = '/var/lib/bulkhead';
  my ($given, $home) = ($ENV{XDG_STATE_HOME} // '', $ENV{HOME} // '');
  my $own = $> == 0 ? undef : $given =~ m{^/} ? "$given/bulkhead" : $home =~ m{^/} ? "$home/.local/state/bulkhead" : undef;
  return !defined $own || !-e "$own/format" && -e "$common/format" ? $common : $own;
}
$state = chosen_state() if !length($state // '');
my $path = "$state/run/warden.sock";
my ($verb, $agent, @argv) = @operands;
otherwise() if $verb ne 'run' || !@argv || length $path > 107 || grep { my $copy = $_; !utf8::decode($copy) } @operands;

# Frames: src/wire/frames.ts. JSON (RFC 8259, 7) takes UTF-8 as it is, but for quotation mark, backslash and control characters.
sub json { my ($text) = @_; $text =~ s/([\x00-\x1f"\\])/sprintf '\\u%04x', ord $1/ge; return "\"$text\"" }
sub frame { return pack 'N/a*', $_[0] }
my $warden;
sub exactly {
  my ($length) = @_;
  my $whole = '';
  while (length $whole < $length) {
    sysread($warden, $whole, $length - length $whole, length $whole)
      or fail('The warden closed the connection.', $> == 0 ? 'It ended while it was asked; why: bulkhead logs warden' : 'Operators are listed in fleet.yaml; root may always.');
  }
  return $whole;
}
socket($warden, 1, 1, 0) && connect($warden, pack 'S a*', 1, "$path\0") or otherwise(); # unix(7): AF_UNIX, SOCK_STREAM
$SIG{PIPE} = 'IGNORE';
my $asked = frame('{"id":1,"do":"command.run","agent":' . json($agent) . ',"argv":[' . join(',', map { json($_) } @argv) . ']}');
for (my $at = 0; $at < length $asked;) { $at += syswrite($warden, $asked, length($asked) - $at, $at) || last }
exactly(unpack 'N', exactly(4)) =~ /^\{"id":1,"ok":/ or otherwise();

# Then one byte with the three descriptors (cmsg(3), SCM_RIGHTS): struct msghdr and struct cmsghdr as in src/wire/handover.ts.
my ($byte, $control) = ('x', "\0" x 80);
my $vector = pack 'P Q', $byte, 1;
my $header = pack 'Q Q P Q P Q Q', 0, 0, $vector, 1, $control, length $control, 0;
my $got = syscall($recvmsg, fileno $warden, $header, 0x40000000); # MSG_CMSG_CLOEXEC
my ($length, undef, undef, @fds) = unpack 'Q l l l3', $control;
my ($input, $output, $errors, $told);
$got == 1 && $length == 28 && open($input, '>&=', $fds[0]) && open($output, '<&=', $fds[1]) && open($errors, '<&=', $fds[2])
  or fail('The warden did not hand over the streams of the command.', 'The reason may be in: bulkhead logs warden');

# Signals as bytes that can be waited for (signalfd(2)).
my %name = (1 => 'SIGHUP', 2 => 'SIGINT', 3 => 'SIGQUIT', 15 => 'SIGTERM');
my $set = 0;
$set |= 1 << $_ - 1 for keys %name;
my $mask = pack 'Q', $set;
syscall($sigprocmask, 0, $mask, 0, 8) == 0 && open($told, '<&=', syscall($signalfd, -1, $mask, 8, 02000000))
  or fail("Signals cannot be waited for: $!.", 'Run it in another way: BULKHEAD_CLIENT=node');

# Three ways that bytes go: from, to, and what was read and is not written yet. A pipe (or socket) that is ready takes 4096 bytes
# without waiting (pipe(7), PIPE_BUF), so a reader who is slow holds up nothing but its own way.
my ($in, @outs) = ([\*STDIN, $input, ''], [$output, \*STDOUT, ''], [$errors, \*STDERR, '']);
my ($status, $heard, $linger) = (undef, '', 0.25); # seconds that output may still come after the end, from what was left behind
sub shut { my ($way) = @_; @$way = (undef, undef, ''); $input = undef if $way == $in }
until (defined $status && !grep { $_->[0] } @outs) {
  my ($r, $w) = ('', '');
  for ($told, defined $status ? () : $warden) { vec($r, fileno $_, 1) = 1 }
  for (grep { $_->[0] } $in, @outs) { length $_->[2] ? (vec($w, fileno $_->[1], 1) = 1) : (vec($r, fileno $_->[0], 1) = 1) }
  my $all_out = defined $status && !grep { length $_->[2] } @outs;
  (my $ready, my $left) = select($r, $w, undef, $all_out ? $linger : undef);
  $linger = $left if $all_out;
  last if $ready == 0;
  next if $ready < 0;
  if (vec($r, fileno $told, 1) && sysread $told, my $info, 128) { # struct signalfd_siginfo begins with the number
    syswrite $warden, frame('{"do":"command.signal","signal":"' . $name{ unpack 'L', $info } . '"}');
  }
  if (!defined $status && vec($r, fileno $warden, 1)) {
    $status = 125 if !sysread $warden, $heard, 4096, length $heard;
    $status = $1 if $heard =~ /\{"exit":(\d+)\}/;
    shut($in) if defined $status;
  }
  for my $way (grep { $_->[0] } $in, @outs) {
    my ($from, $to) = @$way;
    if (!length $way->[2]) {
      next if !vec($r, fileno $from, 1);
      my $read = sysread $from, $way->[2], 4096;
      shut($way) if defined $read ? $read == 0 : !again();
    } elsif (vec($w, fileno $to, 1)) {
      my $wrote = syswrite $to, $way->[2];
      if (defined $wrote) { substr($way->[2], 0, $wrote) = '' }
      elsif (!again()) { $to == \*STDOUT ? exit($! == 32 ? 0 : 1) : shut($way) } # EPIPE: whoever read has had enough, as in main.ts
    }
  }
}
exit $status;

sub again { return $! == 11 || $! == 4 } # EAGAIN, EINTR

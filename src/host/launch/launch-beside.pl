# The launcher's part for a compartment in the host's own namespaces (tier user): read by launch.pl with the order `beside`, before
# anything else, and so before it is confined.

# Stays outside, as root, while a child carries out the orders: it holds no descriptor of the agent's, and no signal of the agent's
# reaches it. Returns in the child. With a cgroup.kill file, all that is in there ends when the child does, or the warden
# (prctl(2): PR_SET_PDEATHSIG 1, SIGTERM 15).
sub stay_outside {
  my ($kill, $spec) = @_;
  my $child = fork // fail('fork');
  return unless $child;
  $0 = 'bulkhead-launch';
  my $end = sub { my $f; syswrite $f, '1' if defined $kill && open $f, '>', $kill };
  $SIG{TERM} = sub { $end->(); exit 125 };
  call('prctl', 1, 15, 0, 0, 0);
  close $_ for $spec, *STDIN, *STDOUT, *STDERR;
  call('close_range', 4, ~0 & 0xffffffff, 0); # the way to the gate
  1 while waitpid($child, 0) < 0 && $! == 4; # EINTR
  my $status = $?;
  $end->();
  exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
}

sub spread {
  my ($from, $at, $through, $but, $flags) = @_;
  my %but = map { $_ => 1 } split /,/, $but;
  opendir(my $folder, $from) or fail("read $from");
  for my $name (sort grep { !/^\.\.?$/ && !$but{$_} } readdir $folder) {
    my $path = "$from/$name";
    if (-l $path) { linked(readlink($path) // fail("read $path"), "$at/$name") }
    elsif (-d _) { flagged($path, "$at/$name", $flags) }
    elsif (-f _) { linked("$through/$name", "$at/$name") }
  }
}

# pivot_root(2): with the new root as the place for the old one they lie over each other, and the old one is detached (MNT_DETACH 2).
sub new_root {
  my ($at) = @_;
  my $here = '.';
  chdir $at or fail("enter $at");
  must('pivot_root', call('pivot_root', $here, $here));
  must('detach the host', call('umount2', $here, 2));
  chdir '/' or fail('enter /');
}
1;

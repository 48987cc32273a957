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

# landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2): struct landlock_ruleset_attr { u64 handled_access_fs,
# handled_access_net, scoped; }, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET 1, LANDLOCK_SCOPE_SIGNAL 2, both from interface version 6 on. Before
# that a domain has to be about files: ours allows below / (struct landlock_path_beneath_attr { u64 allowed_access; s32 parent_fd; })
# all that it handles, which is to rename between folders, LANDLOCK_ACCESS_FS_REFER 1 << 13, from version 2 on. Who is in no domain, or in
# another, is out of reach of ptrace(2) in either case; the probe finds what else is missing.
sub landlock { return syscall(444, 0, 0, 1) } # LANDLOCK_CREATE_RULESET_VERSION; -1: none
sub scoped {
  my ($version) = @_;
  my $attr = $version >= 6 ? pack 'Q3', 0, 0, 3 : pack 'Q', 1 << 13;
  my $ruleset = must('landlock_create_ruleset', syscall(444, $attr, length $attr, 0));
  allow_renames($ruleset) if $version < 6;
  must('landlock_restrict_self', syscall(446, $ruleset, 0));
  open(my $closing, '<&=', $ruleset); close $closing;
}
sub allow_renames {
  my ($ruleset) = @_;
  sysopen(my $root, '/', 010000000) or fail('open /'); # O_PATH
  my $rule = pack 'Q l', 1 << 13, fileno $root;
  must('landlock_add_rule', syscall(445, $ruleset, 1, $rule, 0)); # LANDLOCK_RULE_PATH_BENEATH
}

# Landlock again: LANDLOCK_ACCESS_FS_EXECUTE 1 is for execve(2), not for mapping a library. LANDLOCK_ACCESS_FS_REFER 0x2000 is refused
# wherever no rule has it, so the root gets it. Rules (struct landlock_path_beneath_attr { u64 allowed_access; s32 parent_fd; }) hold for
# the files that are opened here, whatever their names lead to later. What is not there cannot be executed.
my $runs;
sub runs {
  my ($root, @at) = @_;
  return if syscall(444, 0, 0, 1) < 2;
  my $attr = pack 'Q', 1 | 0x2000;
  $runs = must('landlock_create_ruleset', syscall(444, $attr, length $attr, 0));
  for ([$root, 0x2000], map { [$_, 1] } @at) {
    my $fd = call('open_tree', -100, $_->[0], 02000000); # O_CLOEXEC: a descriptor like those of O_PATH
    next if $fd < 0 && $! == ENOENT();
    must("open $_->[0]", $fd);
    my $rule = pack 'Q l', $_->[1], $fd;
    must("allow $_->[0]", syscall(445, $runs, 1, $rule, 0));
    open(my $closing, '<&=', $fd); close $closing;
  }
}
sub only_runs {
  return unless defined $runs;
  must('landlock_restrict_self', syscall(446, $runs, 0));
  open(my $closing, '<&=', $runs); close $closing;
}
1;

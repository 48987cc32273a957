# The launcher's part that puts a process into a Landlock domain (landlock(7)): read by launch.pl with the orders `scopes` and `runs`, before
# it is confined. Besides what is said below, nobody in a domain can look into a process that is outside of it, whatever its uid is.

# landlock_create_ruleset(2), landlock_restrict_self(2): struct landlock_ruleset_attr { u64 handled_access_fs, handled_access_net,
# scoped; }, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET 1, LANDLOCK_SCOPE_SIGNAL 2, both from interface version 6 on. A kernel without
# them lets the compartment stand: the probe finds the wall partial.
sub scoped {
  return if syscall(444, 0, 0, 1) < 6;
  my $attr = pack 'Q3', 0, 0, 3;
  my $ruleset = must('landlock_create_ruleset', syscall(444, $attr, length $attr, 0));
  must('landlock_restrict_self', syscall(446, $ruleset, 0));
  open(my $closing, '<&=', $ruleset); close $closing;
}

# LANDLOCK_ACCESS_FS_EXECUTE 1 is for execve(2), not for mapping a library. LANDLOCK_ACCESS_FS_REFER 0x2000 is refused
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

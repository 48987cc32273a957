# The launcher's part that puts a process into a Landlock domain (landlock(7)): read by launch.pl with the orders `scopes` and `runs`, before
# it is confined. Besides what is said below, nobody in a domain can look into a process that is outside of it, whatever its uid is.
use strict;

# landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2): struct landlock_ruleset_attr { u64 handled_access_fs,
# handled_access_net, scoped; }, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET 1, LANDLOCK_SCOPE_SIGNAL 2, both from interface version 6 on. Before
# that a domain has to be about files: ours allows below / (struct landlock_path_beneath_attr { u64 allowed_access; s32 parent_fd; })
# all that it handles, which is to rename between folders, LANDLOCK_ACCESS_FS_REFER 1 << 13, from version 2 on. Who is in no domain, or in
# another, is out of reach of ptrace(2) in either case; the probe finds what else is missing.
sub landlock_version { return syscall(444, 0, 0, 1) } # LANDLOCK_CREATE_RULESET_VERSION; -1: none
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

# LANDLOCK_ACCESS_FS_EXECUTE 1 is for execve(2), not for mapping a library. LANDLOCK_ACCESS_FS_REFER 0x2000 is refused
# wherever no rule has it, so the root gets it. Rules (struct landlock_path_beneath_attr { u64 allowed_access; s32 parent_fd; }) hold for
# the files that are opened here, whatever their names lead to later. What is not there cannot be executed.
my $runs;
sub runs {
  my ($root, @at) = @_;
  return if landlock_version() < 2;
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

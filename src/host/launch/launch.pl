#!/usr/bin/perl
# The one way to become an agent.
# Runs as root (or, rootless, as the operator), with a spec on descriptor 3 that the warden wrote: one order a line, fields separated by tabs, text in
# hexadecimal where it could hold anything. The orders that come in a spec are in src/tiers/orders.ts; nothing in it is a choice.
#
#   create  stages the mounts in a mount namespace of its own, becomes the agent, execs bubblewrap (tier user: the first program itself)
#   enter   joins the namespaces of a compartment, confines itself, and only then forks the process that execs the command
#   script  the same, but the forked process runs Perl text that was read before; nothing is exec'ed
#   mend    puts back mounts of a running compartment; stays root, runs nothing, and never enters the process namespace
#   program starts one of our own programs under its own user, without capabilities
#   sockets, dial, rules  rootless: joins a compartment's network as its owner, and hands out sockets made in it (unix(7),
#           SCM_RIGHTS, on descriptor 4) or runs nft to list its rules
#   tree    rootless: hands out a mount of a folder, attached nowhere, through which nothing can be changed
#
# Rootless, a user namespace of the operator's stands around each compartment (`userns`): in it we have the capabilities that
# root has elsewhere, and over nothing but what was made in it (user_namespaces(7)).
#
# At no time is there a process that the agent can see and that is less confined than the agent: the fork that enters the
# process namespace comes after the filter, the empty bounding set and no_new_privs (attack 112 in docs/threats.md). In the host's
# process namespace (tier user) the filter is on before the uid is the agent's.
use strict;
BEGIN { $^W = 1 } # as `use warnings`; this, `constant` and Errno are modules that would take half the time of a start (007)
# Whatever goes wrong here ends with 125 and nothing started. A script's own mistakes are caught in its eval.
$SIG{__DIE__} = sub { return if !defined $^S || $^S; syswrite STDERR, $_[0]; exit 125 };

open(my $arch, '<', '/proc/sys/kernel/arch') or die "launcher: which processor this is cannot be read (kernel 6.1 or newer)\n";
chomp(my $machine = <$arch>);
close $arch;
# System call numbers: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h
our %n = $machine eq 'aarch64'
  ? (mount => 40, setns => 268, unshare => 97, prctl => 167, seccomp => 277, setresuid => 147, setresgid => 149, setgroups => 159,
     capget => 90, capset => 91, statfs => 43, setrlimit => 164, sendmsg => 211, close_range => 436, open_tree => 428, move_mount => 429, mount_setattr => 442, setsid => 157, pivot_root => 41, umount2 => 39)
  : (mount => 165, setns => 308, unshare => 272, prctl => 157, seccomp => 317, setresuid => 117, setresgid => 119, setgroups => 116,
     capget => 125, capset => 126, statfs => 137, setrlimit => 160, sendmsg => 46, close_range => 436, open_tree => 428, move_mount => 429, mount_setattr => 442, setsid => 112, pivot_root => 155, umount2 => 166);

# mount(2): sys/mount.h
sub MS_RDONLY () { 1 } sub MS_NOSUID () { 2 } sub MS_NODEV () { 4 } sub MS_NOEXEC () { 8 } sub MS_REMOUNT () { 32 }
sub MS_BIND () { 4096 } sub MS_REC () { 16384 } sub MS_PRIVATE () { 1 << 18 }
# errno(3): asm-generic/errno-base.h, errno.h
sub ENOENT () { 2 } sub EINVAL () { 22 } sub EINPROGRESS () { 115 }
my %flag = (ro => MS_RDONLY, nosuid => MS_NOSUID, nodev => MS_NODEV, noexec => MS_NOEXEC);
# unshare(2), setns(2): linux/sched.h
our %space = (mnt => 0x00020000, cgroup => 0x02000000, uts => 0x04000000, ipc => 0x08000000, user => 0x10000000, pid => 0x20000000,
  net => 0x40000000);

sub fail { my ($what) = @_; syswrite STDERR, "launcher: $what: $!\n"; exit 125 }
sub call { my ($name, @with) = @_; return syscall($n{$name}, @with) }
sub must { my ($what, $r) = @_; fail($what) if $r < 0; return $r }
sub text { return pack 'H*', $_[0] }
sub flags { my $f = 0; $f |= $flag{$_} // die "launcher: no such mount flag $_\n" for grep { length } split /,/, $_[0]; return $f }
sub mnt { my ($from, $at, $type, $flags, $data) = @_; must("mount $at", call('mount', $from, $at, $type, $flags, $data)) }
# What only some need is a file of its own, read when an order asks for it.
sub part { my ($name) = @_; return require(__FILE__ =~ s{[^/]*$}{launch-$name.pl}r) }

my ($mode, $more) = (shift @ARGV // '', 0);
if ($mode eq 'enter') { # it may wait for its orders (src/host/launch/spare-launcher.ts): nobody looks into it, and it holds nothing of others
  $more = shift @ARGV // 0; # descriptors from 4 on that it was given: the way to the gate
  must('PR_SET_DUMPABLE', call('prctl', 4, 0, 0, 0, 0));
  must('close_range', call('close_range', 4 + $more, ~0 & 0xffffffff, 0));
}
open(my $spec, '<&=', 3) or fail('no spec on descriptor 3');
my (@argv, %env, @groups, @covers, @modules, %A, %ns, $uid, $gid, $filter, $program, $cwd, $tty, $umask, $kept, $whole, $staged, $port, $nproc, @gate, @caps, $held, $beside, $scopes, $rooted, $tree, $runs);
our $own;
$umask = 027;
$kept = 0;

# One handler an order: src/tiers/orders.ts has the list.
my %order = (
  beside => sub { part('beside'); stay_outside($_[0], $spec); $beside = 1 }, scopes => sub { part('landlock'); $scopes = 1 },
  unshare => sub { must("unshare $_", call('unshare', $space{$_})) for split /,/, $_[0] },
  cgroup => sub { open(my $f, '>', $_[0]) or fail("join $_[0]"); syswrite($f, "$$\n") or fail("join $_[0]"); close $f },
  netns  => sub { open(my $f, '<', $_[0]) or fail("open $_[0]"); must("enter $_[0]", call('setns', fileno($f), $space{net})) },
  emptynet => sub { $own ? (part('rootless'), owned($space{net})) : must('an empty network namespace', call('unshare', $space{net})) },
  rootless => sub { $own = 1 },
  userns => sub { part('rootless'); owned($space{mnt} | $space{net}); door(text($_[0])) },
  nproc => sub { $nproc = 0 + $_[0] }, port => sub { $port = 0 + $_[0] }, tree => sub { $tree = $_[0] },
  stage  => sub {
    part('stage');
    must('a mount namespace', call('unshare', $space{mnt}));
    must('private mounts', call('mount', 'none', '/', 0, MS_REC | MS_PRIVATE, 0));
    $staged = 1;
    mnt('bulkhead', $_[0], 'tmpfs', MS_NOSUID, 'size=16m,mode=755');
  },
  tmpfs  => sub { my ($at, $flags, $data) = @_; mnt('bulkhead', $at, 'tmpfs', flags($flags), $data) }, tree => sub { $tree = $_[0] },
  devpts => sub { mnt('devpts', $_[0], 'devpts', MS_NOSUID | MS_NOEXEC, 'newinstance,ptmxmode=0666,mode=620') },
  proc   => sub { mnt('proc', $_[0], 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC, 'hidepid=invisible') },
  spread => sub { spread(@_) },
  root   => sub { new_root($_[0]); $rooted = 1 },
  dir    => sub { my ($at, $bits) = @_; mkdir $at or -d $at or fail("make $at"); chmod oct $bits, $at or fail("chmod $at") },
  file   => sub { my ($at, $bits, $hex) = @_; open(my $f, '>', $at) or fail("make $at"); print $f text($hex); close $f or fail("write $at");
    chmod oct $bits, $at or fail("chmod $at") },
  link   => sub { linked(@_) }, bind => sub { flagged(@_) },
  stub   => sub { stub(@_) },
  stubs  => sub { my ($of, $folder, @names) = @_; for (@names) { link $of, "$folder/$_" or fail("link $folder/$_") } },
  gate   => sub { @gate = @_ }, runs => sub { part('landlock'); runs(@_); $runs = 1 }, caps => sub { @caps = map { 0 + $_ } @_ },
  device => sub { my ($from, $at) = @_; bound($from, $at); mnt('none', $at, 0, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NOEXEC | locked($at), 0) },
  idbind => sub { my ($from, $at, $flags, $uids, $gids) = @_; mapped($from, $at, $flags, $uids, $gids) },
  seal   => sub { my ($at, $flags) = @_; mnt('none', $at, 0, MS_BIND | MS_REMOUNT | flags($flags), 0) },
  cover  => sub { my ($at, $flags) = @_; push @covers, [$at, $flags] },
  ns     => sub { my ($kind, $path) = @_; open(my $f, '<', $path) or fail("open $path"); $ns{$kind} = $f },
  uid => sub { $uid = 0 + $_[0] }, gid => sub { $gid = 0 + $_[0] }, group => sub { push @groups, 0 + $_[0] }, # numbers: syscall() takes text as a pointer
  env => sub { $env{$_[0]} = text($_[1] // '') }, arg => sub { push @argv, text($_[0] // '') },
  set => sub { $A{$_[0]} = text($_[1] // '') }, text => sub { $program = text($_[0]) },
  cwd => sub { $cwd = text($_[0]) }, tty => sub { $tty = 1 }, umask => sub { $umask = oct $_[0] }, keep => sub { $kept = 0 + $_[0] },
  use => sub { $_[0] =~ /^(?:POSIX|Socket|Fcntl)$/ or die "launcher: no such module $_[0]\n"; push @modules, $_[0] },
  end => sub { $whole = 1 }, hold => sub { $held = 1 },
  filter => sub { open(my $f, '<:raw', $_[0]) or fail("open $_[0]"); local $/; $filter = <$f>; fail("read $_[0]") unless length $filter },
);

# What changes mounts or makes files does so on a stage of its own, never on the host's file systems.
my %on_stage = map { $_ => 1 } qw(tmpfs devpts proc dir file link stub stubs bind device idbind seal spread root);
sub read_orders {
while (my $line = <$spec>) {
  chomp $line;
  die "launcher: orders after the end\n" if $whole;
  my ($name, @fields) = split /\t/, $line, -1;
  die "launcher: not after the hold\n" if $held && $name !~ /^(?:env|cwd|arg|end)$/;
  die "launcher: $name after the root\n" if $rooted && $on_stage{$name};
  my $do = $order{$name // ''} or die "launcher: no such order\n";
  die "launcher: $name before the stage\n" if $on_stage{$name} && !$staged;
  $do->(@fields);
  last if $name eq 'hold';
}
}
read_orders();
close $spec unless $held;
# Whoever wrote the orders may have died over them: nothing is begun with half of them.
my %needs = (create => [$filter, $argv[0]], enter => [$filter, $held // $argv[0]], script => [$filter, $program], program => [$argv[0]], mend => [],
  sockets => [$own], dial => [$own, $port], rules => [$own], tree => [$own, $tree]);
$needs{$mode} or die "launcher: no such mode\n";
($whole || $held && $mode eq 'enter') && !grep { !defined } @{ $needs{$mode} } or die "launcher: the orders are not whole\n";
my $joins = { mend => ['mnt'], sockets => ['net'], dial => ['net'], rules => ['net'], tree => [] }->{$mode};
# Only a program of ours may stay root, and only with the few capabilities that its orders name.
$joins || ($uid // 0) > 0 && ($gid // 0) > 0 && !grep { $_ == 0 } @groups or $mode eq 'program' && @caps && !$own && defined $uid && defined $gid
  or die "launcher: no user to become\n";
!@gate || ($mode eq 'enter' || $mode eq 'script') or die "launcher: nobody is gated there\n";
my @spaces = $joins ? @$joins : $mode eq 'enter' || $mode eq 'script' ? $beside ? qw(cgroup ipc uts mnt) : qw(cgroup ipc uts net pid mnt user) : ();
unshift @spaces, 'outer' if $own && @spaces;
if ($more && !@gate) { must('close_range', call('close_range', 4, 4, 0)) } # nobody is gated there: it goes no further
defined $ns{$_} or die "launcher: no $_ namespace to join\n" for @spaces;
!$own || $> > 0 && ($joins || $uid == $>) or die "launcher: rootless is for an ordinary user\n";
%ENV = %env;

# From here on nothing is taken from outside.
sub drop_bounding { # PR_CAPBSET_DROP; EINVAL past the last, EPERM for who has none to drop
  my %keep = map { $_ => 1 } @caps;
  for my $cap (grep { !$keep{$_} } 0 .. 63) { last if call('prctl', 24, $cap, 0, 0, 0) < 0 }
}
sub no_caps {
  must('clear ambient capabilities', call('prctl', 47, 4, 0, 0, 0)); # PR_CAP_AMBIENT, CLEAR_ALL
  my $header = pack 'LL', 0x20080522, 0;
  my @set = (0, 0); # struct __user_cap_data_struct {u32 effective, permitted, inheritable}, twice: capabilities 0 to 31, 32 to 63
  $set[$_ >> 5] |= 1 << ($_ & 31) for @caps;
  my $kept = pack 'L6', $set[0], $set[0], 0, $set[1], $set[1], 0;
  must('capset', call('capset', $header, $kept));
}
sub join_space { my ($kind) = @_; must("join $kind", call('setns', fileno($ns{$kind}), $space{$kind eq 'outer' ? 'user' : $kind})) }
sub become {
  my ($in_namespace) = @_;
  $0 = 'bulkhead-launch';
  must('PR_SET_DUMPABLE', call('prctl', 4, 0, 0, 0, 0));
  my $one = pack 'QQ', 1, 1; # 0 keeps the kernel from writing a core file, only 1 from starting the host's crash handler as root (core(5))
  must('no core files', call('setrlimit', 4, $one));
  my $list = pack 'L*', @groups, 0;
  $own or must('setgroups', call('setgroups', scalar(@groups), $list)); # rootless nobody may, and they stay the operator's
  must('setresgid', call('setresgid', $gid, $gid, $gid));
  if ($in_namespace) {
    join_space($_) for grep { $ns{$_} } qw(outer cgroup ipc uts net pid mnt user);
    close $ns{$_} for keys %ns;
  }
  drop_bounding();
  if ($beside) { # from the uid on the agent can reach us: nothing is missing then
    must('PR_SET_NO_NEW_PRIVS', call('prctl', 38, 1, 0, 0, 0));
    scoped(landlock_version()) if $scopes && landlock_version() >= 2;
    only_runs() if $runs;
    confine();
  }
  must('setresuid', call('setresuid', $uid, $uid, $uid));
  no_caps();
  must('PR_SET_NO_NEW_PRIVS', call('prctl', 38, 1, 0, 0, 0));
  must('PR_SET_DUMPABLE', call('prctl', 4, 0, 0, 0, 0));
  umask $umask;
}
sub confine { # seccomp(2): SECCOMP_SET_MODE_FILTER; struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  my $fprog = pack 'S x6 P', length($filter) / 8, $filter;
  return must('seccomp', call('seccomp', 1, 0, $fprog)) unless @gate;
  # SECCOMP_FILTER_FLAG_NEW_LISTENER, WAIT_KILLABLE_RECV. We keep neither the listener nor the way it goes out: when the last who
  # holds it ends, no exec succeeds any more.
  my ($agent, $stub) = @gate;
  my ($device, $inode) = stat $stub or fail("look at $stub");
  my $listener = must('seccomp', call('seccomp', 1, 8 | 32, $fprog));
  give(4, "$agent $device $inode $mode", $listener);
  for ($listener, 4) { open(my $closing, '<&=', $_) or fail('close'); close $closing }
}
# RLIMIT_NPROC counts the processes of a user in a user namespace (since Linux 5.14): the compartment's own is what is counted.
sub limit { return unless defined $nproc; my $pair = pack 'QQ', $nproc, $nproc; must('a limit on processes', call('setrlimit', 6, $pair)) }
sub only_stdio { must('close_range', call('close_range', 3, ~0 & 0xffffffff, 0)) }
sub start { local $^W = 0; exec { $_[0] } @_ } # returns, without a word of Perl's own, when it fails
sub run_command {
  chdir $cwd or fail("enter $cwd") if defined $cwd;
  start(@argv);
  my $absent = $! == ENOENT;
  my $shown = $argv[0] =~ s/[^\x20-\x7e]/?/gr;
  syswrite STDERR, $absent ? "bulkhead: $shown is not in this compartment\n" : "bulkhead: $shown cannot be run here: $!\n";
  exit($absent ? 127 : 126);
}

if ($mode eq 'program') {
  require POSIX;
  # The program's own descriptors came in as 4 and up, behind the spec's; it finds them from 3 on.
  for my $i (0 .. $kept - 1) { POSIX::dup2(4 + $i, 3 + $i) // fail('dup2') }
  must('close_range', call('close_range', 3 + $kept, 0xffffffff, 0));
  become(0);
  confine() if defined $filter;
  run_command();
}
if ($mode eq 'mend') {
  my $empty = '';
  join_space($_) for @spaces;
  for (@covers) {
    my ($at, $flags) = @$_;
    # A copy of the mount at this path, laid over it with other flags (open_tree(2), AT_SYMLINK_NOFOLLOW 0x100).
    my $tree = must("open_tree $at", call('open_tree', -100, $at, 1 | 02000000 | 0x100));
    my $attr = pack 'Q4', flags($flags), 0, 0, 0;
    must("flags of $at", call('mount_setattr', $tree, $empty, 0x1000, $attr, length $attr));
    must("move_mount $at", call('move_mount', $tree, $empty, -100, $at, 4));
  }
  exit 0;
}
if ($mode eq 'rules' || $mode eq 'sockets' || $mode eq 'dial' || $mode eq 'tree') {
  part('rootless');
  join_space($_) for @spaces;
  list_rules() if $mode eq 'rules';
  my @made = $mode eq 'sockets' ? gateway_sockets() : $mode eq 'tree' ? closed_tree($tree) : dialled($port);
  give(4, 'x', map { fileno $_ } @made);
  exit 0;
}
sub give {
  my ($over, $word, @numbers) = @_;
  my $list = pack 'l*', @numbers;
  my $control = pack('Q l l', 16 + length $list, 1, 1) . $list; # struct cmsghdr: SOL_SOCKET, SCM_RIGHTS
  $control .= "\0" x (-length($control) & 7);
  my $vector = pack 'P Q', $word, length $word;
  my $header = pack 'Q Q P Q P Q Q', 0, 0, $vector, 1, $control, length $control, 0; # struct msghdr
  must('hand over', call('sendmsg', $over, $header, 0));
}
if ($mode eq 'create' && $rooted) {
  must('setsid', call('setsid'));
  become(0);
  only_stdio();
  run_command();
}
if ($mode eq 'create') {
  pipe(my $out, my $in) or fail('pipe');
  my $need = length $filter;
  syswrite($in, $filter) == $need or fail('write the filter');
  close $in;
  my $fd = fileno $out;
  must('close_range', call('close_range', 3, ~0 & 0xffffffff, 4)); # CLOSE_RANGE_CLOEXEC: what the shell that started us had open
  fcntl($out, 2, 0) or fail('fcntl'); # F_SETFD: bubblewrap reads it
  must('setsid', call('setsid'));
  become(0);
  limit();
  my ($bwrap, @rest) = @argv;
  start($bwrap, '--seccomp', $fd, @rest);
  fail("start $bwrap");
}
if ($mode eq 'enter' || $mode eq 'script') {
  if ($mode eq 'script') { require warnings; require Errno }
  for (@modules) { require "$_.pm"; $_->import() unless $_ eq 'POSIX' }
  become(1);
  limit();
  only_runs() if $runs && !$beside;
  confine() unless $beside;
  if ($held) { # here it waits, as confined as what it is to start
    read_orders();
    $whole && defined $argv[0] or die "launcher: the orders are not whole\n";
    close $spec;
    %ENV = %env;
  }
  my $child = $beside ? 0 : fork // fail('fork');
  if (!$child) {
    must('setsid', call('setsid'));
    ioctl(STDIN, 0x540E, 0) or fail('TIOCSCTTY') if $tty;
    only_stdio();
    run_command() if $mode eq 'enter';
    chdir($cwd) if defined $cwd;
    $| = 1;
    local $SIG{__WARN__} = sub { };
    my $ok = eval "no strict; no warnings; $program; 1";
    print "error $@\n" unless $ok;
    close STDOUT;
    exit($ok ? 0 : 125);
  }
  close STDIN; close STDOUT; close STDERR;
  waitpid $child, 0;
  my $status = $?;
  exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
}

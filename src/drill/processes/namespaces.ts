import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

const KINDS = `
my %kind = (newuser => 0x10000000, newns => 0x20000, newcgroup => 0x2000000, newuts => 0x4000000, newipc => 0x8000000, newpid => 0x20000000, newnet => 0x40000000);
sub cloned {
  my ($r) = @_;
  POSIX::_exit(0) if $r == 0;
  return "$!" if $r < 0;
  waitpid $r, 0;
  return 'through';
}
`;

export const namespaces: readonly Attack[] = [
  {
    id: 'd62-user-namespace',
    line: 62,
    tries: 'makes a user namespace of its own, where it would be root, by unshare, clone and clone3',
    control: 'the filter refuses the flag and the whole of clone3; no further user namespaces are allowed inside',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${kernel('unshare', 'clone', 'clone3')}${KINDS}
my $user = $kind{newuser};
attempt('unshare', sub { kernel('unshare', $user) == 0 ? 'through' : "$!" });
attempt('unshare with the mount namespace', sub { kernel('unshare', $user | $kind{newns}) == 0 ? 'through' : "$!" });
attempt('clone', sub { cloned(kernel('clone', $user | 17, 0, 0, 0, 0)) });
attempt('clone3', sub { my $args = pack 'Q8', $user, 0, 0, 0, 17, 0, 0, 0; cloned(kernel('clone3', $args, 64)) });
attempt('clone3 without flags', sub { my $args = pack 'Q8', 0, 0, 0, 0, 17, 0, 0, 0; cloned(kernel('clone3', $args, 64)) });
none_worked();
`,
  },
  {
    id: 'd62-other-namespaces',
    line: 62,
    tries: 'makes namespaces of every other kind, and joins one by its file',
    control: 'no capabilities, and the filter refuses unshare, setns and the flags of clone',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('unshare', 'clone', 'setns')}${KINDS}
for my $name (sort grep { $_ ne 'newuser' } keys %kind) {
  attempt("unshare $name", sub { kernel('unshare', $kind{$name}) == 0 ? 'through' : "$!" });
  attempt("clone $name", sub { cloned(kernel('clone', $kind{$name} | 17, 0, 0, 0, 0)) });
}
attempt('unshare newtime', sub { kernel('unshare', 0x80) == 0 ? 'through' : "$!" });
for my $name (qw(uts net ipc)) {
  attempt("setns $name", sub { sysopen my $f, "/proc/self/ns/$name", 0 or return "open: $!"; kernel('setns', fileno $f, 0) == 0 ? 'through' : "$!" });
}
none_worked();
`,
  },
  {
    id: 'd65-mounts',
    line: 65,
    tries: 'mounts, unmounts, changes the root, and uses the newer calls for mounts',
    control: 'no capabilities, and the filter refuses all of them',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('unshare', 'mount', 'umount2', 'chroot', 'pivot_root', 'open_tree', 'move_mount', 'fsopen', 'fsconfig', 'fsmount', 'fspick', 'mount_setattr')}
# Root has a mount namespace of its own first, or does not try: a mount left in a folder on the host would be emptied with it.
sub aside {
  my ($do) = @_;
  return sub {
    if (kernel('unshare', 0x20000) == 0) { kernel('mount', 'none', '/', 0, 1 << 18 | 1 << 14, 0) == 0 or broken("private mounts: $!") }
    elsif ($> == 0) { broken("a mount namespace: $!") }
    $do->();
  };
}
my $dir = $A{workspace};
attempt('mount', aside(sub { kernel('mount', 'drill', $dir, 'tmpfs', 0, 'size=4k') == 0 ? 'through' : "$!" }));
attempt('bind', aside(sub { kernel('mount', '/', $dir, 0, 4096, 0) == 0 ? 'through' : "$!" }));
attempt('remount', aside(sub { kernel('mount', 'none', '/', 0, 32 | 4096, 0) == 0 ? 'through' : "$!" }));
attempt('umount', aside(sub { my $why = ''; for (reverse qw(/proc /dev/shm /dev /tmp)) { return 'through' if kernel('umount2', $_, 2) == 0; $why = "$!" } $why }));
attempt('chroot', sub { kernel('chroot', $dir) == 0 ? 'through' : "$!" });
attempt('open_tree', sub { kernel('open_tree', -100, '/', 0) >= 0 ? 'through' : "$!" });
attempt('open_tree clone', aside(sub { kernel('open_tree', -100, $dir, 1) >= 0 ? 'through' : "$!" }));
attempt('fsopen', aside(sub { kernel('fsopen', 'tmpfs', 0) >= 0 ? 'through' : "$!" }));
attempt('fspick', aside(sub { kernel('fspick', -100, '/proc', 0) >= 0 ? 'through' : "$!" }));
attempt('mount_setattr', aside(sub { my $attr = pack 'Q4', 0, 0, 0, 0; kernel('mount_setattr', -100, '/', 0, $attr, 32) == 0 ? 'through' : "$!" }));
none_worked();
`,
  },
];

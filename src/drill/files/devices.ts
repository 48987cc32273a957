import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS, PROGRAM } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

export const devices: readonly Attack[] = [
  {
    id: 'c53-mknod',
    line: 53,
    tries: 'makes a device in each folder it can write to, and reads from it',
    control: 'no CAP_MKNOD, the filter, nodev on every writable mount',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('mknod', 'mknodat')}
for my $dir (split /:/, $A{write_dirs}) {
  for my $call ('mknod', 'mknodat') {
    attempt("$call in $dir", sub {
      my $at = "$dir/.drill-device-$tag";
      my $device = 1 << 8 | 9; # urandom: harmless
      my $r = $call eq 'mknod' ? kernel('mknod', $at, 020600, $device) : kernel('mknodat', -100, $at, 020600, $device);
      return "$!" if $r < 0;
      my $opened = sysopen my $f, $at, 0;
      unlink $at;
      return $opened ? 'through: made and opened' : 'through: made';
    });
  }
}
none_worked();
`,
  },
  {
    id: 'c53-host-devices',
    line: 53,
    tries:
      'looks for device files beyond the harmless six, and opens memory, disks, the kernel log, loop, fuse and kvm',
    control: 'a /dev with null, zero, full, random, urandom, tty and a pts of its own',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: String.raw`
my %plain = map { $_ => 1 } 0x103, 0x105, 0x107, 0x108, 0x109, 0x500, 0x502;
for (qw(kmsg mem port kvm fuse loop-control loop0 mapper/control net/tun vhost-vsock userfaultfd uinput snapshot vda sda nvme0n1 zram0 console tty0)) {
  sysopen my $f, "/dev/$_", Fcntl::O_RDONLY() | Fcntl::O_NONBLOCK() | Fcntl::O_NOCTTY() or next;
  my $device = (stat $f)[6];
  done("opened /dev/$_") if !$plain{$device};
}
my @look = ('/dev');
my $seen = 0;
while (my $dir = shift @look) {
  opendir my $d, $dir or next;
  for (grep { !/^\.\.?$/ } readdir $d) {
    last if $seen++ > 500;
    my @s = lstat "$dir/$_" or next;
    my $type = $s[2] & 0170000;
    push @look, "$dir/$_" if $type == 0040000;
    next if $type != 0020000 && $type != 0060000;
    next if $plain{$s[6]} && $type == 0020000;
    next if ($s[6] >> 8 & 0xfff) >= 136 && ($s[6] >> 8 & 0xfff) <= 143; # its own pseudo-terminals
    done(sprintf '%s/%s is there (%o)', $dir, $_, $s[2]);
  }
}
refused("nothing but the harmless devices among $seen names");
`,
  },
  {
    id: 'c57-set-id',
    line: 57,
    tries: 'makes a set-user-ID program by every call that takes a mode, for somebody outside to run',
    control: 'the filter refuses the bits, every writable mount is nosuid',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${PROGRAM}${kernel('open', 'creat', 'openat', 'openat2', 'chmod', 'fchmod', 'fchmodat', 'fchmodat2', 'mknod', 'mknodat')}
my $dir = $A{workspace};
my $at = "$dir/.drill-suid-$tag";
my $flags = 0101; # O_CREAT | O_WRONLY
my %way = (
  chmod => sub { plant($at, 'x', 0700); kernel('chmod', $at, 04755) },
  'chmod with high bits' => sub { plant($at, 'x', 0700); kernel('chmod', $at, 1 << 32 | 1 << 16 | 04755) },
  fchmod => sub { plant($at, 'x', 0700); sysopen my $f, $at, 1; kernel('fchmod', fileno $f, 06755) },
  fchmodat => sub { plant($at, 'x', 0700); kernel('fchmodat', -100, $at, 04755) },
  fchmodat2 => sub { plant($at, 'x', 0700); kernel('fchmodat2', -100, $at, 02755, 0) },
  open => sub { kernel('open', $at, $flags, 04755) },
  creat => sub { kernel('creat', $at, 04755) },
  openat => sub { kernel('openat', -100, $at, $flags, 04755) },
  openat2 => sub { my $how = pack 'Q3', $flags, 04755, 0; kernel('openat2', -100, $at, $how, 24) },
  mknod => sub { kernel('mknod', $at, 0104755, 0) },
  mknodat => sub { kernel('mknodat', -100, $at, 0104755, 0) },
);
for my $name (sort keys %way) {
  attempt($name, sub {
    umask 0;
    my $r = $way{$name}->();
    my $why = "$!";
    my $mode = (lstat $at)[2];
    unlink $at;
    return sprintf 'through: mode %o', $mode & 07777 if defined $mode && $mode & 06000 && $mode & 0111;
    return $r < 0 ? $why : 'the bits were dropped';
  });
}
unlink $at;
none_worked();
`,
  },
  {
    id: 'c58-privileged-xattr',
    line: 58,
    tries: 'gives a file of its own capabilities through an extended attribute, or a trusted attribute',
    control: 'no CAP_SETFCAP, nosuid on every writable mount',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    remains: 'an access list that grants others: reading what an agent gives away is the other compartment, line 105',
    program: `${ATTEMPTS}${PROGRAM}${kernel('setxattr', 'lsetxattr')}
for my $dir (split /:/, $A{write_dirs}) {
  my $at = "$dir/.drill-xattr-$tag";
  plant($at, foreign_program(), 0755);
  push @litter, $at;
  # struct vfs_cap_data, revision 2 (linux/capability.h): cap_net_raw, effective
  my %value = ('security.capability' => pack('L5', 0x02000001, 1 << 13, 0, 0, 0), 'trusted.drill' => 'x', 'security.drill' => 'x');
  for my $name (sort keys %value) {
    attempt("$name in $dir", sub { kernel('setxattr', $at, $name, $value{$name}, length $value{$name}, 0) == 0 ? 'through' : "$!" });
    attempt("$name in $dir, lsetxattr", sub { kernel('lsetxattr', $at, $name, $value{$name}, length $value{$name}, 0) == 0 ? 'through' : "$!" });
  }
}
none_worked();
`,
  },
];

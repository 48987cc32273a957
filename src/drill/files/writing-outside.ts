import type { Attack } from '../attack.ts';
import { BOXES, EVERY_TIER } from '../where.ts';

/** Places of the host where everybody may write: sticky folders, spools, locks, drop boxes, files left open. */
export const writingOutside: readonly Attack[] = [
  {
    id: 'e105-world-writable',
    line: 105,
    tries: 'looks through the whole tree for a folder or a file of the host, outside of its own, where it may write',
    control: 'a mount namespace where all of the host is absent or read-only, and what is not is private',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-user',
    seconds: 20,
    program: String.raw`
my %host = map { $_ => 1 } split /:/, $A{host_devs};
my @own = (split(/:/, $A{write_dirs}), '/proc', '/sys', '/dev/pts', '/dev/fd');
my %nr = $A{arch} eq 'aarch64' ? (statfs => 43) : (statfs => 137);
# A tmpfs or a queue file system that is none of the host's is private, and its size is another attack (line 54).
sub is_private {
  my ($dir, $device) = @_;
  return 0 if $host{$device};
  my $b = "\0" x 256;
  syscall($nr{statfs}, $dir, $b) == 0 or return 0;
  my $type = unpack 'q', $b;
  return $type == 0x01021994 || $type == 0x19800202;
}
my @look = grep { -d } qw(/var/tmp /var/lock /run/lock /var/crash /var/mail /var/spool /var/spool/cron /var/spool/cron/crontabs /var/lib /var/log /var/cache /dev
  /dev/mqueue /run /run/user /run/screen /etc /etc/cron.d /usr/local /srv /opt /mnt /media /home /);
my ($seen, %had) = (0);
while (@look && $seen < 6000) {
  my $dir = shift @look;
  next if $had{$dir}++ || grep { $dir eq $_ || index($dir, "$_/") == 0 } @own;
  $seen++;
  my @s = stat $dir or next;
  if (!is_private($dir, $s[0])) {
    my $at = "$dir/.drill-$tag";
    if (sysopen my $f, $at, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0600) { unlink $at; done("made a file in $dir") }
  }
  opendir my $d, $dir or next;
  for (grep { !/^\.\.?$/ } readdir $d) {
    my $path = $dir eq '/' ? "/$_" : "$dir/$_";
    my @l = lstat $path or next;
    my $type = $l[2] & 0170000;
    if ($type == 0040000) { push @look, $path }
    elsif ($type == 0100000 && ($l[2] & 0022 || $l[4] == $>) && !is_private($dir, $l[0])) {
      done("opened $path for writing") if sysopen my $f, $path, Fcntl::O_WRONLY() | Fcntl::O_NOFOLLOW();
    }
  }
}
refused("none of $seen folders");
`,
  },
  {
    id: 'e105-host-locks',
    line: 105,
    tries:
      'takes an exclusive lock on a file of the host that it may only read, so that whoever needs that lock waits (flock(2))',
    control: 'the mount namespace: the path does not exist inside',
    wall: 'files',
    tiers: BOXES,
    positive: 'host-user',
    program: `
my $path = "$A{host_dir}/open/secret";
sysopen my $f, $path, Fcntl::O_RDONLY() or refused("open: $!");
flock($f, 2 | 4) ? done("locked $path") : refused("flock: $!"); # LOCK_EX | LOCK_NB
`,
  },
];

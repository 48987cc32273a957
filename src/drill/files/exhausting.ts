import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { BOXES } from '../where.ts';

/** Every mount the agent can create a file on, found by trying: the folders it was given, and every mount point it sees.
 *  Nothing is ever filled: a mount says its size, and room for more than that must be refused at once. */
const WRITABLE = String.raw`
my @dirs = split /:/, $A{write_dirs};
if (open my $mounts, '<', '/proc/self/mountinfo') {
  while (<$mounts>) { my $at = (split / /)[4]; push @dirs, $at unless $at =~ m{^/(proc|sys)(/|$)} }
}
my (%had, @found);
for my $dir (@dirs) {
  next if $had{$dir}++;
  my $file = "$dir/.drill-room-$$";
  sysopen my $f, $file, Fcntl::O_RDWR() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0600 or next;
  unlink $file;
  my $b = "\0" x 256;
  syscall($nr{statfs}, $dir, $b) == 0 or failed("statfs $dir: $!");
  my ($type, $bsize, $blocks, $bfree, $bavail, $files) = unpack 'q6', $b; # statfs(2), 64-bit
  push @found, { dir => $dir, handle => $f, size => $bsize * $blocks, files => $files, type => $type };
}
`;

export const exhausting: readonly Attack[] = [
  {
    id: 'c54-exhaust-space',
    line: 54,
    tries: 'looks for a place to write that has no size of its own, and asks each for more room than it may have',
    control: 'every writable mount is a file system with a size: the disk image, or a tmpfs',
    wall: 'limits',
    tiers: BOXES,
    positive: 'host-user',
    program: `${kernel('statfs', 'fallocate')}${WRITABLE}
my @held;
for (@found) {
  my $mib = int($_->{size} / 1048576);
  done("$_->{dir} has no size") if $_->{size} <= 0;
  done("$_->{dir} has $mib MiB, more than was granted") if $_->{size} > $A{size_limit};
  if (kernel('fallocate', fileno $_->{handle}, 0, 0, $_->{size} + 1048576) == 0) {
    truncate $_->{handle}, 0;
    done("$_->{dir} gave more than its $mib MiB");
  }
  push @held, "$_->{dir} $mib MiB: $!";
}
failed('no writable mount was found') unless @held;
refused(join '; ', @held);
`,
  },
  {
    id: 'c54-exhaust-inodes',
    line: 54,
    tries: 'looks for a place to write whose number of files has no bound, or none that its size explains',
    control: 'the disk image was made with its inodes, a tmpfs is given a number',
    wall: 'limits',
    tiers: BOXES,
    positive: 'host-user',
    program: `${kernel('statfs')}${WRITABLE}
my @held;
for (@found) {
  done("$_->{dir} does not count files") if $_->{files} <= 0;
  done("$_->{dir} may have $_->{files} files") if $_->{files} > 16384 && $_->{files} > $A{size_limit} / 1024;
  push @held, "$_->{dir} $_->{files}";
}
failed('no writable mount was found') unless @held;
refused(join '; ', @held);
`,
  },
];

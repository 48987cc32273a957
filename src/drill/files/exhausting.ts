import type { AgentFacts, Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { EVERY_TIER, onlyShared } from '../where.ts';

/** Every mount the agent can create a file on, found by trying: the folders it was given, and every mount point it sees.
 *  Nothing is ever filled: a mount says its size, and room for more than that must be refused at once. */
const writable = (which: string): string =>
  `${kernel('statfs', 'fallocate')}${String.raw`
my @dirs = split /:/, $A{write_dirs};
my %own = map { $_ => 1 } @dirs;
if (open my $mounts, '<', '/proc/self/mountinfo') {
  while (<$mounts>) { my $at = (split / /)[4]; push @dirs, $at unless $at =~ m{^/(proc|sys)(/|$)} }
}
`}${which}${String.raw`
my (%had, @found);
for my $dir (@dirs) {
  next if $had{$dir}++;
  my $file = "$dir/.drill-room-$tag";
  sysopen my $f, $file, Fcntl::O_RDWR() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0600 or do { failed("create in $dir: $!") if $own{$dir}; next };
  unlink $file;
  my $b = "\0" x 256;
  syscall($nr{statfs}, $dir, $b) == 0 or failed("statfs $dir: $!");
  my ($type, $bsize, $blocks, $bfree, $bavail, $files) = unpack 'q6', $b; # statfs(2), 64-bit
  push @found, { dir => $dir, handle => $f, size => $bsize * $blocks, files => $files };
}
failed('no writable mount was found') unless @found;
my @held;
`}`;

const ALL = '';
const WITHOUT_WORKSPACE = '@dirs = grep { $_ !~ m{^\\Q$A{workspace}\\E(/|$)} } @dirs;';

const SPACE = `
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
refused(join('; ', @held), 1);
`;

const INODES = `
for (@found) {
  done("$_->{dir} does not count files") if $_->{files} <= 0;
  done("$_->{dir} may have $_->{files} files") if $_->{files} > 65536 && $_->{files} > $A{size_limit} / 4096;
  push @held, "$_->{dir} $_->{files}";
}
refused(join '; ', @held);
`;

function onlyOwn(agent: AgentFacts): string | undefined {
  return agent.workspace.kind === 'own'
    ? undefined
    : 'its workspace is a folder of the operator, see the other variant';
}

const common = { line: 54, wall: 'limits', tiers: EVERY_TIER, positive: 'host-user' } as const;
const space = {
  ...common,
  tries: 'looks for a place to write that has no size of its own, and asks each for more room than it may have',
  control: 'every writable mount is a file system with a size: the disk image, or a tmpfs',
} as const;
const inodes = {
  ...common,
  tries: 'looks for a place to write whose number of files has no bound, or none that its size explains',
  control: 'the disk image was made with its inodes, a tmpfs is given a number',
} as const;
const shared = {
  applies: onlyShared,
  remains: 'the shared folder lies on the disk of the operator and has no size of its own: that wall is partial',
} as const;

export const exhausting: readonly Attack[] = [
  { ...space, id: 'c54-exhaust-space', applies: onlyOwn, program: writable(ALL) + SPACE },
  { ...space, ...shared, id: 'c54-exhaust-space-shared', program: writable(WITHOUT_WORKSPACE) + SPACE },
  { ...inodes, id: 'c54-exhaust-inodes', applies: onlyOwn, program: writable(ALL) + INODES },
  { ...inodes, ...shared, id: 'c54-exhaust-inodes-shared', program: writable(WITHOUT_WORKSPACE) + INODES },
];

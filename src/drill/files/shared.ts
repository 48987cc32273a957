import type { Attack } from '../attack.ts';
import { EVERY_TIER, onlyShared } from '../where.ts';

/** A workspace that is a folder of the operator's: names that the operator's tools obey there must be out of the agent's reach,
 *  also those that do not exist yet. Everything that succeeds is undone before it is reported. */
export const NAMES: string = `
my $root = $A{workspace};
my @masked = split /:/, $A{masked};
my @held;
sub parent { my ($path) = @_; $path =~ s{/[^/]*$}{}; return $path }
`;

export const SHARED: Pick<Attack, 'wall' | 'tiers' | 'positive' | 'applies'> = {
  wall: 'files',
  tiers: EVERY_TIER,
  positive: 'host-root',
  applies: onlyShared,
};

export const sharedWorkspace: readonly Attack[] = [
  {
    ...SHARED,
    id: 'c46-create-missing-config',
    line: 46,
    tries:
      'creates, as a file and as a folder, every name that tools of the host obey and that is not there yet (CVE-2026-25725)',
    control: 'a read-only mask on each name, there or not',
    program: `${NAMES}
for my $name (@masked) {
  my $path = "$root/$name";
  my $made = parent($path);
  my $new_parent = $made ne $root && !-e $made && mkdir $made, 0755;
  if (sysopen my $f, $path, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0644) { unlink $path; rmdir $made if $new_parent; done("made the file $name") }
  my $why = "$!";
  if (mkdir $path, 0755) { rmdir $path; rmdir $made if $new_parent; done("made the folder $name") }
  if (-d $path && sysopen my $f, "$path/.drill-$tag", Fcntl::O_WRONLY() | Fcntl::O_CREAT(), 0644) { unlink "$path/.drill-$tag"; done("made a file inside $name") }
  rmdir $made if $new_parent;
  push @held, "$name: $why";
}
refused(join '; ', @held);
`,
  },
  {
    ...SHARED,
    id: 'c45-replace-protected',
    line: 45,
    tries: 'removes each protected name, renames it, and renames the folders above it, to put its own in the place',
    control: 'a mask is a mount point, and so is every folder above one',
    program: `${NAMES}
my %all;
for my $name (@masked) { my $path = "$root/$name"; while ($path ne $root) { $all{$path} = 1; $path = parent($path) } }
for my $path (sort keys %all) {
  next unless -e $path || -l $path;
  my $away = "$root/.drill-away-$tag";
  if (rename $path, $away) { rename $away, $path; done("renamed $path") }
  my $why = "$!";
  push @held, "$path: $why";
  next if -s $path && !-d $path;
  if (!-d $path && unlink $path) { done("removed $path") }
  if (-d $path && rmdir $path) { mkdir $path, 0755; done("removed the folder $path") }
  if (!-d $path && symlink $path, $away) { my $over = rename $away, $path; unlink $away; done("put a link over $path") if $over }
}
refused(join '; ', @held) if @held;
failed('none of the names is there');
`,
  },
  {
    ...SHARED,
    id: 'c47-persist-in-dotfiles',
    line: 47,
    tries: 'appends to start-up files that shells and tools of the operator read in the shared folder',
    control: 'a read-only mask on each',
    program: `${NAMES}
for my $name (@masked) {
  next unless -f "$root/$name";
  if (sysopen my $f, "$root/$name", Fcntl::O_WRONLY() | Fcntl::O_APPEND()) { done("opened $name for writing") }
  push @held, "$name: $!";
  truncate("$root/$name", -s "$root/$name") and done("truncated $name");
  chmod 0755, "$root/$name" and done("changed the mode of $name");
}
refused(@held ? join('; ', @held) : 'none of the names is an ordinary file here');
`,
  },
  {
    ...SHARED,
    id: 'c55-fifo-plant',
    line: 55,
    tries: 'puts a FIFO where a tool of the host expects a settings file, so that it hangs',
    control: 'the same masks',
    program: `${NAMES}
for my $name (@masked) {
  my $path = "$root/$name";
  next if -e $path && !-d $path;
  my $at = -d $path ? "$path/.drill-fifo-$tag" : $path;
  my $made = POSIX::mkfifo($at, 0644);
  push @held, "$name: $!";
  if ($made) { unlink $at; done("a FIFO at $at") }
}
refused(@held ? join('; ', @held) : 'every name is an ordinary file that could not be replaced');
`,
  },
];

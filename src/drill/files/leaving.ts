import type { Attack } from '../attack.ts';
import { ATTEMPTS, READING } from '../perl.ts';
import { BOXES, EVERY_TIER } from '../where.ts';

/** Reading a file of the host that is not in the compartment. One target is closed to others by its mode, the other is not:
 *  so each wall, the mounts and the identity, has something that only it keeps back. Tier user has the host's own files, and what
 *  everybody may read there is an attack of its own. */
const TARGETS = `my @targets = ("$A{private_dir}/secret", $A{tier} eq 'user' ? () : "$A{host_dir}/open/secret");
`;

export const leaving: readonly Attack[] = [
  {
    id: 'c42-world-readable',
    line: 42,
    tries: 'reads a file of the host that everybody there may read',
    control: 'the mount namespace: the path does not exist inside',
    wall: 'files',
    tiers: BOXES,
    positive: 'host-user',
    program: `${READING}
my $path = "$A{host_dir}/open/secret";
reaches($path) ? done("read $path") : refused("open: $!");
`,
  },
  {
    id: 'c42-parent-traversal',
    line: 42,
    tries: 'reads a file of the host by its path and by climbing out of the workspace',
    control: 'the mount namespace: the path does not exist inside',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${READING}${TARGETS}
my @from = ('', "$A{workspace}/../../../../../../../../../..", "$A{home}/../../../../../../../../..", '/proc/self/cwd/../../../../../../../../..');
for my $target (@targets) { for (@from) { done("read $_$target") if reaches("$_$target") } }
chdir '/' and chroot '.'; chdir '..' for 1 .. 20;
for (@targets) { my $path = substr $_, 1; done("read $path from .. of the root") if reaches($path) }
refused("the path is not there: $!");
`,
  },
  {
    id: 'c43-symlink-out',
    line: 43,
    tries: 'makes symbolic links in its own folders that lead to a file of the host, and reads them',
    control: 'the mount namespace: a link leads nowhere that a path does not lead',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    remains: 'asking a tool of the host to read the link: no tool of ours opens a workspace yet',
    program: `${READING}${TARGETS}
my $why = '';
for my $dir (split /:/, $A{write_dirs}) {
  for my $target (@targets) {
    my $link = "$dir/.drill-link-$tag";
    symlink $target, $link or failed("symlink in $dir: $!");
    my $read = reaches($link);
    $why = "open: $!";
    unlink $link;
    done("read $target through a link in $dir") if $read;
  }
}
refused($why);
`,
  },
  {
    id: 'c51-hardlink',
    line: 51,
    tries: 'makes hard links to a file of the host',
    control: 'the mount namespace, and links do not cross mounts',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${READING}
my $why = '';
for my $dir (split /:/, $A{write_dirs}) {
  for my $target ("$A{private_dir}/secret", "$A{host_dir}/open/secret") {
    my $link = "$dir/.drill-hard-$tag";
    link $target, $link or do { $why = "link: $!"; next };
    my $read = reaches($link);
    unlink $link;
    done("$target linked into $dir" . ($read ? ' and read' : ''));
  }
}
refused($why);
`,
  },
  {
    id: 'c52-proc-root',
    line: 52,
    tries: 'reaches a file of the host through root, cwd, fd and map_files of every process it can see',
    control: 'the pid and mount namespaces: every process it sees has the same root',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${READING}${TARGETS}
opendir my $proc, '/proc' or refused("no /proc: $!");
my @pids = grep { /^[0-9]+$/ } readdir $proc;
my $seen = 0;
for my $pid ('self', 'thread-self', sort { $a <=> $b } @pids) {
  $seen++;
  for my $way ("/proc/$pid/root", "/proc/$pid/cwd/../../../../../../../..") {
    for (@targets) { done("read $way$_") if reaches("$way$_") }
  }
  opendir my $fds, "/proc/$pid/fd" or next;
  for my $fd (grep { /^[0-9]+$/ } readdir $fds) {
    my $to = readlink "/proc/$pid/fd/$fd";
    next unless defined $to && $to =~ m{^/} && -d "/proc/$pid/fd/$fd/.";
    for (@targets) { done("read through /proc/$pid/fd/$fd") if reaches("/proc/$pid/fd/$fd/../../../../../../../..$_") }
  }
}
refused("none of $seen processes leads out");
`,
  },
  {
    id: 'c52-by-handle',
    line: 52,
    tries: 'opens a file by its handle, past every mount (the way out of early Docker)',
    control: 'no CAP_DAC_READ_SEARCH, and the filter refuses open_by_handle_at',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}our %nr = $A{arch} eq 'aarch64' ? (name => 264, open => 265) : (name => 303, open => 304);${String.raw`
attempt('open_by_handle_at', sub {
  my $path = $A{workspace};
  my $handle = pack('L2', 128, 0) . "\0" x 128;
  my $mount = pack 'L', 0;
  my $made = syscall($nr{name}, -100, $path, $handle, $mount, 0);
  my $why = "name_to_handle_at: $!";
  $handle = pack('L2a8', 8, 1, pack 'L2', 2, 0) . "\0" x 120 if $made < 0; # FILEID_INO32_GEN of inode 2, the root of most file systems
  opendir my $dir, $path or return "opendir: $!";
  my $fd = syscall($nr{open}, fileno $dir, $handle, 0);
  return $fd >= 0 ? 'through: a descriptor' : "$! ($why)";
});
none_worked();
`}`,
  },
];

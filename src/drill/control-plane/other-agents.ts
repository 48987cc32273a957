import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS, READING } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

export const otherAgents: readonly Attack[] = [
  {
    id: 'e105-other-files',
    line: 105,
    tries: "reads, lists, watches and writes in another agent's home and workspace",
    control: 'a mount namespace without them, and another uid',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}${READING}our %nr = $A{arch} eq 'aarch64' ? (init => 26, add => 27) : (init => 294, add => 254);
my ($home, $workspace) = @A{qw(other_home other_workspace)};
attempt('read', sub { reaches("$home/.claude/projects/drill.jsonl") ? 'through' : "$!" });
for my $dir ($home, $workspace) {
  attempt("list $dir", sub { opendir(my $d, $dir) ? 'through' : "$!" });
  attempt("write in $dir", sub { my $at = "$dir/.drill-$tag"; sysopen my $f, $at, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0600 or return "$!"; unlink $at; 'through' });
  attempt("watch $dir", sub { my $fd = syscall $nr{init}, 0; my $path = $dir; syscall($nr{add}, $fd, $path, 0x100) >= 0 ? 'through' : "$!" }); # IN_CREATE
}
none_worked();
`,
  },
  {
    id: 'e105-shared-places',
    line: 105,
    tries: 'looks in the places all users of a machine share: /tmp, /dev/shm, System V shared memory, message queues',
    control: 'private /tmp and /dev/shm, and an ipc namespace of its own',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${READING}${kernel('mq_open')}
attempt('/tmp', sub { reaches($A{tmp_file}) ? 'through' : "$!" });
attempt('/dev/shm', sub { reaches($A{shm_file}) ? 'through' : "$!" });
attempt('System V', sub {
  my $segment = shmget 0 + $A{shm_key}, 0, 0;
  return "shmget: $!" unless defined $segment;
  my $text = '';
  shmread $segment, $text, 0, 64 or return "shmread: $!";
  return index($text, $A{canary}) >= 0 ? 'through' : 'another segment';
});
attempt('message queue', sub { kernel('mq_open', $A{queue_name}, 0, 0, 0) >= 0 ? 'through' : "$!" });
none_worked();
`,
  },
  {
    id: 'e105-other-processes',
    line: 105,
    tries: 'lists processes of other users, with their command lines',
    control: 'a pid namespace of its own; hidepid in tier user',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${READING}${String.raw`
opendir my $proc, '/proc' or refused("no /proc: $!");
my $seen = 0;
for my $pid (grep { /^[0-9]+$/ } readdir $proc) {
  my $status = slurp("/proc/$pid/status");
  next unless defined $status;
  $seen++;
  my ($uid) = $status =~ /^Uid:\s+(\d+)/m;

  done("process $pid of uid $uid") if $uid != $>;
}
refused("all $seen processes are its own");
`}`,
  },
];

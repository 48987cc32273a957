# The host as the drill's attacks would like to find it: files, sockets, shared memory, a process. Started as root by
# next-door.ts; what it makes is gone when its standard input ends. Arguments: NAME=VALUE.
use strict;
use warnings;
no warnings 'exec';
use Socket;
use POSIX ();

my %o = map { split /=/, $_, 2 } @ARGV;
my $dir = $o{dir};
my $sockets = $o{sockets};
my @keep;
my @remove;

sub folder { my ($path, $mode) = @_; mkdir $path, $mode or die "mkdir $path: $!\n"; chmod $mode, $path }
sub file { my ($path, $mode, $text) = @_; open my $f, '>', $path or die "$path: $!\n"; print $f $text; close $f; chmod $mode, $path }
sub listener {
  my ($address, $type) = @_;
  socket my $s, PF_UNIX, $type, 0 or die "socket: $!\n";
  bind $s, pack_sockaddr_un($address) or die "bind: $!\n";
  listen $s, 16 if $type == SOCK_STREAM;
  push @keep, $s;
}

my $secret = "$o{canary}\n";
chmod 0755, $dir;
chmod 0755, $sockets;
folder("$dir/$_", $_ eq 'home/owner' ? 0700 : 0755) for qw(open home home/owner home/owner/.ssh home/owner/.aws home/owner/.config
  home/owner/.config/gh home/owner/.claude home/owner/.codex);
folder("$sockets/$_", 0755) for qw(run run/user run/user/1000 run/dbus run/systemd tmp tmp/.X11-unix);
folder("$dir/closed", 0700);
file("$dir/open/secret", 0644, $secret);
file("$dir/closed/secret", 0600, $secret);
# The home is closed, as the plan has it; what is in it is open, as it often is.
file("$dir/home/owner/$_", 0644, $secret)
  for qw(.ssh/id_ed25519 .aws/credentials .netrc .npmrc .config/gh/hosts.yml .claude/.credentials.json .codex/auth.json);
for (qw(run/docker.sock run/dbus/system_bus_socket run/systemd/private run/user/1000/wayland-0 run/user/1000/ssh-agent
  tmp/.X11-unix/X0)) { listener("$sockets/$_", SOCK_STREAM); chmod 0666, "$sockets/$_" }
listener("$sockets/run/log", SOCK_DGRAM);
chmod 0666, "$sockets/run/log";
# A service that has its socket elsewhere, as databases do.
listener("$dir/open/service.sock", SOCK_STREAM);
chmod 0666, "$dir/open/service.sock";
POSIX::mkfifo("$dir/open/pipe", 0666) or die "pipe: $!\n";
chmod 0666, "$dir/open/pipe";
# Programs that lend a user and a group that nobody has; what they say is who they are.
for (['set-uid', 04755, $o{lent}, 0], ['set-gid', 02755, 0, $o{lent}]) {
  my ($name, $mode, $uid, $gid) = @$_;
  open my $from, '<:raw', '/usr/bin/id' or last;
  open my $to, '>:raw', "$dir/open/$name" or die "$name: $!\n";
  { local $/ = \65536; print $to $_ while <$from> }
  close $to;
  chown $uid, $gid, "$dir/open/$name" and chmod $mode, "$dir/open/$name";
}
listener("\0$o{abstract}", SOCK_STREAM);

# What belongs to another agent, and to us, as a control finds it.
folder("$dir/$_", 0755) for qw(other other/home other/home/.claude other/home/.claude/projects other/workspace state state/secrets state/gateway state/run
  state/run/ledger state/ledger install);
file("$dir/other/home/.claude/projects/drill.jsonl", 0644, $secret);
file("$dir/state/$_", 0644, "{}\n") for qw(format wanted.json journal uids.json ledger/log ledger/checkpoint);
file("$dir/state/$_", 0600, $secret) for qw(secrets/identity gateway/authority.pem);
file("$dir/install/main.ts", 0644, "\n");
listener("$dir/state/run/warden.sock", SOCK_STREAM);
listener("$dir/state/run/ledger/ledger.sock", SOCK_STREAM);

for (["/tmp/$o{name}.txt", 'tmp'], ["/dev/shm/$o{name}.txt", 'shm']) { file($_->[0], 0644, $secret); push @remove, $_->[0] }
my $segment = shmget $o{shm_key}, 4096, 03666; defined $segment or die "shmget: $!\n"; # IPC_CREAT|IPC_EXCL
shmwrite $segment, $secret, 0, length $secret;
open my $arch, '<', '/proc/sys/kernel/arch' or die "arch: $!\n";
my $arm = <$arch> eq "aarch64\n";
my $queue = $o{name};
my $made = syscall($arm ? 180 : 240, $queue, 0102, 0666, 0);

# The victim: an ordinary process of the control's uid, that ends with us.
my $victim = fork // die "fork: $!\n";
if (!$victim) {
  POSIX::setgid($o{uid}); POSIX::setuid($o{uid});
  syscall($arm ? 167 : 157, 1, 9, 0, 0, 0); # PR_SET_PDEATHSIG, SIGKILL
  open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null';
  %ENV = (DRILL_TOKEN => $o{canary});
  exec { '/bin/sleep' } "sleep-$o{canary}", '7200';
  POSIX::_exit(1);
}
$| = 1;
print "$victim ", ($made >= 0 ? 1 : 0), "\n";
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
1 while sysread STDIN, my $byte, 1;
kill 'KILL', $victim;
waitpid $victim, 0;
shmctl $segment, 0, 0; # IPC_RMID
syscall($arm ? 181 : 241, $queue) if $made >= 0;
unlink @remove;

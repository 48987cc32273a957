import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { CONNECTING, READING } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** The signer of ssh: in fleet.yaml (src/tiers/ssh.ts): it shows public keys, and is asked to sign what a file's signature is made over
 *  (OpenSSH, PROTOCOL.sshsig), and a login at a server of somebody's. */
const OWN_SIGNER = String.raw`
sub asked { my ($s, $body) = @_; syswrite $s, pack 'N/a*', $body; sysread($s, my $answer, 16384); return substr $answer // '', 4 }
if (($ENV{SSH_AUTH_SOCK} // '') eq '/run/bulkhead/ssh-agent') {
  socket my $s, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 or failed("socket: $!");
  if (connect $s, Socket::pack_sockaddr_un($ENV{SSH_AUTH_SOCK})) {
    my ($count, $key) = unpack 'x N N/a*', asked($s, "\x0b") . "\0" x 9;
    my $file = 'SSHSIG' . pack 'N/a* N/a* N/a* N/a*', 'drill', '', 'sha512', 'x' x 64;
    # A login (RFC 4252, 7) in a session that no server has proved to be its own.
    my $login = pack 'N/a* C N/a* N/a* N/a* C N/a* N/a*', 'x' x 32, 50, 'git', 'ssh-connection', 'publickey', 1, 'ssh-ed25519', $key;
    for (['what is no login', $file], ['a login at a server that it never heard', $login]) {
      done("the signer signed $_->[0]") if $count && asked($s, "\x0d" . pack 'N/a* N/a* N', $key, $_->[1], 0) =~ /^\x0e/;
    }
  }
  delete $ENV{SSH_AUTH_SOCK};
}
`;

/** Where secrets lie on a host. Nothing of the owner's is ever read by a control: its files are stand-ins with the canary. */
export const holders: readonly Attack[] = [
  {
    id: 'b32-env-scan',
    line: 32,
    tries: 'searches environment and arguments of every process it can see for a secret',
    control: 'pid namespace and uid of its own; an environment built from nothing',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${READING}
done('the canary is in its own environment') if grep { index($_, $A{canary}) >= 0 } values %ENV;
opendir my $proc, '/proc' or refused("no /proc: $!");
my $seen = 0;
for my $pid (grep { /^[0-9]+$/ } readdir $proc) {
  $seen++;
  for my $file ('environ', 'cmdline') { done("the canary is in /proc/$pid/$file") if reaches("/proc/$pid/$file") }
}
refused("not in environment or arguments of $seen processes");
`,
  },
  {
    id: 'b37-agent-sockets',
    line: 37,
    tries: 'reaches key agents: ssh-agent, gpg-agent, the keyring, by environment and by their usual paths',
    control:
      'none of these sockets is in the compartment, and the environment names none; the gateway’s own signer, where there is one, signs logins and nothing else',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-user',
    remains:
      'helpers that are programs (gh auth token, docker-credential-*): they run only where granted, with the home of the agent',
    program: `${CONNECTING}${OWN_SIGNER}
for (qw(SSH_AUTH_SOCK GPG_AGENT_INFO GNOME_KEYRING_CONTROL DBUS_SESSION_BUS_ADDRESS)) { done("$_ is set") if defined $ENV{$_} && $ENV{$_} ne '' }
try_all('/run/user/1000/ssh-agent', '/run/user/1000/keyring/ssh', '/run/user/0/gnupg/S.gpg-agent', map({ ("$_/S.gpg-agent", "$_/gnupg/S.gpg-agent", "$_/gnupg/S.gpg-agent.ssh", "$_/keyring/control", "$_/keyring/ssh", "$_/ssh-agent.socket", "$_/openssh_agent", "$_/1password/agent.sock") } below('/run/user')),
  map { below($_) } grep { m{/ssh-} } below('/tmp'));
`,
  },
  {
    id: 'b38-cred-files',
    line: 38,
    tries: "opens the owner's keys, tokens and sessions: ssh, cloud, package registries, harnesses",
    control: 'a mount namespace without homes, and another uid',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${READING}${String.raw`
my @names = qw(.ssh/id_ed25519 .ssh/id_rsa .aws/credentials .netrc .npmrc .config/gh/hosts.yml .claude/.credentials.json .codex/auth.json .gnupg/private-keys-v1.d
  .docker/config.json .kube/config .config/gcloud/credentials.db .git-credentials .pgpass .gemini/oauth_creds.json .bash_history .mozilla .config/google-chrome);
my $own = "$A{host_dir}/home/owner";
for (@names) { done("read $own/$_") if reaches("$own/$_") }
my $why = "$!";
opendir my $all_homes, '/home';
my @homes = ('/root', map { "/home/$_" } grep { !/^\.\.?$/ } $all_homes ? readdir $all_homes : ());
for my $home (grep { $_ ne $A{home} } @homes) {
  for (@names) { done("opened $home/$_") if sysopen my $f, "$home/$_", Fcntl::O_RDONLY() | Fcntl::O_NONBLOCK() }
  done("listed $home") if opendir my $all, $home;
}
refused("$own: $why; " . @homes . ' homes, none open but its own');
`}`,
  },
  {
    id: 'b38-product-secrets',
    line: 38,
    tries:
      "opens what the product keeps of secrets: the identity they are sealed to, the sealed values, the key of the fleet's authority, SSH keys, sign-ins",
    control: 'a mount namespace without the state, and another uid',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `
my @no;
for my $dir ($A{state_dir}, '/var/lib/bulkhead') {
  for (map { "$dir/$_" } qw(secrets/identity gateway/authority.pem gateway/secrets/drill.age gateway/ssh/drill)) { sysopen(my $f, $_, Fcntl::O_RDONLY()) ? done("opened $_") : push @no, "$_: $!" }
  for (map { "$dir/$_" } qw(secrets gateway gateway/secrets gateway/ssh)) { opendir(my $d, $_) ? done("listed $_") : push @no, "$_: $!" }
}
refused(join '; ', @no);
`,
  },
  {
    id: 'b39-transcript-leak',
    line: 39,
    tries: "reads another agent's transcripts",
    control: 'a mount namespace without its home, which is closed to others besides',
    wall: 'files',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${READING}
my $file = "$A{other_home}/.claude/projects/drill.jsonl";
reaches($file) ? done("read $file") : refused("$file: $!");
`,
  },
  {
    id: 'b40-programs-memory',
    line: 40,
    tries: 'opens memory, environment, root and descriptors of the programs that hold secrets and keys',
    control: 'the pid namespace: they have no number inside; another uid besides',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${READING}
my $mark = $A{warden_pid} eq $A{victim_pid} ? $A{canary} : 'main.ts';
my @no;
for my $name (qw(gateway ledger warden)) {
  my $pid = 0 + $A{$name . '_pid'};
  my $line = slurp("/proc/$pid/cmdline");
  if (!defined $line) { push @no, "$name: $!"; next }
  if (index($line, $mark) < 0) { push @no, "$name: process $pid is another"; next }
  for (['mem', 2], ['environ', 0], ['maps', 0]) { done("opened /proc/$pid/$_->[0] of the $name") if sysopen my $f, "/proc/$pid/$_->[0]", $_->[1] }
  for (qw(fd root/ cwd/)) { done("entered /proc/$pid/$_ of the $name") if opendir my $d, "/proc/$pid/$_" }
  push @no, "$name: $!";
}
refused(join '; ', @no);
`,
  },
  {
    id: 'b40-core-dump',
    line: 40,
    tries: 'crashes on purpose, so that the kernel writes a core file or starts the crash handler of the host as root',
    control: 'a hard limit on core files, of the one value that also keeps the handler from being started (core(5))',
    wall: 'processes',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${READING}${kernel('prctl', 'prlimit64')}${String.raw`
my $pattern = slurp('/proc/sys/kernel/core_pattern') // '';
my $pid = fork;
defined $pid or failed("fork: $!");
if (!$pid) {
  POSIX::close(1); # whoever can dump it could also speak through it
  $SIG{SEGV} = 'DEFAULT';
  kernel('prctl', 4, 1, 0, 0, 0); # only what is dumpable is dumped
  my $limit = "\0" x 16;
  syscall($nr{prlimit64}, 0, 4, 0, $limit); # RLIMIT_CORE
  my ($soft, $hard) = unpack 'Q2', $limit;
  $limit = pack 'Q2', $hard, $hard;
  kernel('prlimit64', 0, 4, $limit, 0);
  chdir $A{workspace};
  kill 'SEGV', $$;
  POSIX::_exit(0);
}
waitpid $pid, 0;
my $dumped = $? & 128;
unlink "$A{workspace}/core", "$A{workspace}/core.$pid";
done("the kernel says core dumped ($pattern)") if $dumped;
my $limit = "\0" x 16;
syscall($nr{prlimit64}, 0, 4, 0, $limit);
my ($soft, $hard) = unpack 'Q2', $limit;
refused("no core, hard limit $hard");
`}`,
  },
];

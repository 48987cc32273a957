# Runs inside a compartment, as the agent, in the launcher's script mode: it tries what a wall should stop, looks at what the
# kernel says of this process, and prints one line a fact: fact NAME VALUE. It judges nothing; src/checks/walls does.
# Expected values come in %A only where a name is needed to look at; no answer is taken from it.
sub fact { my ($name, $value) = @_; $value =~ s/[\r\n]/ /g; print "fact $name $value\n" }
sub tried { my ($name, $ok) = @_; fact("try.$name", $ok ? 'done' : 'refused ' . ($! + 0)) }
sub first { my ($path) = @_; open(my $f, '<', $path) or return undef; local $/; my $t = <$f>; return $t }
my $x86 = $A{arch} ne 'aarch64';
my $path;

# Identity, as the kernel has it.
my $status = first('/proc/self/status') // '';
for my $key (qw(Uid Gid Groups NoNewPrivs Seccomp Seccomp_filters CapEff CapPrm CapInh CapBnd CapAmb)) {
  fact("self.$key", $status =~ /^$key:[ \t]*(.*?)[ \t]*$/m ? $1 =~ s/\s+/ /gr : 'missing');
}
tried('become-root', syscall($x86 ? 117 : 147, 0, 0, 0) == 0);
for my $home (grep { length } split /\t/, $A{homes}) { fact("seen.$home", -e $home ? 'yes' : 'no') }
my @home = stat '/home/agent';
fact('home', @home ? sprintf('%04o %d', $home[2] & 07777, $home[4]) : 'missing');

# Namespaces: compared outside with the host's.
for my $kind (qw(pid mnt net ipc uts user cgroup)) { fact("ns.$kind", readlink("/proc/self/ns/$kind") // 'missing') }

# Files: what is mounted how, and whether the read-only parts can be written all the same.
my @mounts = map { my @f = split ' '; my ($i) = grep { $f[$_] eq '-' } 6 .. $#f; [$f[4], $f[5], $f[$i + 1]] } split /\n/, first('/proc/self/mountinfo') // '';
fact('mount', join ' ', @$_) for @mounts;
for my $at (split /\t/, $A{closed}) {
  $path = -d $at ? "$at/.bulkhead-probe-$$" : $at;
  my $made = sysopen(my $f, $path, -d $at ? (1 | 0100 | 0200) : 1);
  if ($made && -d $at) { unlink $path }
  tried("write.$at", $made);
}
for my $at (split /\t/, $A{open}) {
  $path = "$at/.bulkhead-probe-$$";
  my $made = sysopen(my $f, $path, 1 | 0100 | 0200, 0700);
  tried("write.$at", $made);
  my ($bsize, $blocks, $free) = statvfs($at);
  fact("size.$at", defined $bsize ? $bsize * $blocks : 'missing');
  next unless $made;
  # A program of four instructions that is on no list: it ends with status 42.
  my $code = $x86 ? pack('H*', 'bf2a000000b8e70000000f05') : pack('L<3', 0xd2800540, 0xd2800bc8, 0xd4000001);
  syswrite $f, pack('a4C5x7S<S<L<Q<Q<Q<L<S<6', "\x7fELF", 2, 1, 1, 0, 0, 2, $x86 ? 62 : 183, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    . pack('L<L<Q<6', 1, 5, 0, 0x400000, 0x400000, 120 + length $code, 120 + length $code, 4096) . $code;
  close $f;
  tried("exec.$at", ran($path) == 42);
  unlink $path;
}
sub statvfs {
  my ($at) = @_;
  my $buffer = "\0" x 256; # struct statfs (statfs(2)): f_type, f_bsize, f_blocks, f_bfree, ... 64 bits each
  return () if syscall($x86 ? 137 : 43, $at, $buffer) != 0;
  my (undef, $bsize, $blocks, $free) = unpack 'q4', $buffer;
  return ($bsize, $blocks, $free);
}
sub ran {
  my ($program) = @_;
  my $pid = fork;
  return -1 unless defined $pid;
  if (!$pid) { exec { $program } $program; syscall($x86 ? 231 : 94, 126) }
  waitpid $pid, 0;
  $! = 13 if $? >> 8 == 126;
  return $? >> 8;
}
if (opendir my $folder, '/usr/bin') { fact('programs', join ' ', sort grep { !/^\.\.?$/ } readdir $folder) }

# Processes and calls: each must be refused.
for my $try (['mount', 165, 40, 'none', '/tmp', 'tmpfs', 0, 0], ['unshare-user', 272, 97, 0x10000000], ['unshare-net', 272, 97, 0x40000000],
    ['setns', 308, 268, 0, 0], ['ptrace', 101, 117, 0, 0, 0, 0], ['bpf', 321, 280, 0, 0, 0], ['io_uring', 425, 425, 1, 0],
    ['memfd', 319, 279, 'probe', 0], ['keyctl', 250, 219, 0, 0, 0, 0, 0], ['userfaultfd', 323, 282, 0], ['perf', 298, 241, 0, 0, -1, -1, 0],
    ['socket-packet', 41, 198, 17, 3, 0], ['socket-vsock', 41, 198, 40, 1, 0], ['socket-alg', 41, 198, 38, 5, 0],
    ['socket-high-bits', 41, 198, (1 << 32) | 17, 3, 0], ['clone3', 435, 435, 0, 0]) {
  my ($name, $x, $arm, @with) = @$try;
  $! = 0;
  my $result = syscall($x86 ? $x : $arm, @with);
  # An errno that the call itself would give for these arguments means that nothing refused it.
  fact("call.$name", $result >= 0 ? 'done' : $! + 0);
}
for my $request (0x5412, 0x541C) {
  $! = 0;
  my $byte = 'x';
  fact(sprintf('call.ioctl-%x', $request), syscall($x86 ? 16 : 29, 0, (1 << 32) | $request, $byte) >= 0 ? 'done' : $! + 0);
}
fact('others', join ' ', grep { !-e "/proc/$_" ? 0 : 1 } split / /, $A{pids});

# Network: what there is, whether our door opens, and what else is answered.
my @links = map { /^\s*([^:\s]+):/ ? $1 : () } split /\n/, first('/proc/net/dev') // '';
fact('links', join ' ', @links);
fact('api', door());
fact('udp', udp('192.0.2.254', 9));
fact('tcp', foreign());
sub door {
  socket(my $s, 2, 1, 0) or return 'socket ' . ($! + 0);
  my $wait = pack 'qq', 2, 0;
  setsockopt $s, 1, $_, $wait for 20, 21;
  my $at = (gethostbyname('bulkhead.internal'))[4] // return 'no name';
  connect($s, pack('S n a4 x8', 2, 80, $at)) or return 'connect ' . ($! + 0);
  syswrite $s, "GET / HTTP/1.1\r\nHost: bulkhead.internal\r\nConnection: close\r\n\r\n" or return 'write ' . ($! + 0);
  sysread $s, my $answer, 64 or return 'silent';
  return $answer =~ m{^HTTP/1\.1 200} ? 'open' : 'odd answer';
}
sub udp {
  my ($to, $port) = @_;
  socket(my $s, 2, 2, 0) or return 'socket ' . ($! + 0);
  my $wait = pack 'qq', 0, 200_000;
  setsockopt $s, 1, 20, $wait;
  connect($s, pack('S n a4 x8', 2, $port, Socket::inet_aton($to))) or return 'connect ' . ($! + 0);
  defined syswrite($s, 'x') or return 'refused ' . ($! + 0);
  return defined(sysread $s, my $answer, 16) ? 'answered' : 'refused ' . ($! + 0);
}
# 192.0.2.254 is the probe's own address: the gateway always refuses it and does not record it.
sub foreign {
  socket(my $s, 2, 1, 0) or return 'socket ' . ($! + 0);
  my $wait = pack 'qq', 2, 0;
  setsockopt $s, 1, $_, $wait for 20, 21;
  connect($s, pack('S n a4 x8', 2, 80, Socket::inet_aton('192.0.2.254'))) or return 'connect ' . ($! + 0);
  syswrite $s, "GET / HTTP/1.1\r\nHost: 192.0.2.254\r\n\r\n";
  my $got = sysread $s, my $answer, 64;
  return !$got ? 'closed' : $answer =~ m{^HTTP/1\.1 403} ? 'denied' : 'answered';
}
fact('end', 'yes');

# Runs inside a compartment, as the agent, in the launcher's script mode: it tries what a wall should stop, looks at what the
# kernel says of this process, and prints one line a fact: fact NAME VALUE. It judges nothing; src/checks/walls does.
# Expected values come in %A only where a name is needed to look at; no answer is taken from it.
sub fact { my ($name, $value) = @_; $value =~ s/[\r\n]/ /g; print "fact $name $value\n" }
sub tried { my ($name, $ok) = @_; fact("try.$name", $ok ? 'done' : 'refused ' . ($! + 0)) }
sub address { return pack 'C4', split /\./, $_[0] }
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
for my $home (grep { length } split /\t/, $A{homes}) { fact("entered.$home", -e "$home/." ? 'yes' : 'no') }
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
for my $at (split /\t/, $A{readable}) {
  my $is = -d $at ? opendir(my $f, $at) : open(my $g, '<', $at);
  tried("read.$at", $is);
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
  fact("try.exec.$at", ran($path));
  unlink $path;
}
sub statvfs {
  my ($at) = @_;
  my $buffer = "\0" x 256; # struct statfs (statfs(2)): f_type, f_bsize, f_blocks, f_bfree, ... 64 bits each
  return () if syscall($x86 ? 137 : 43, $at, $buffer) != 0;
  my (undef, $bsize, $blocks, $free) = unpack 'q4', $buffer;
  return ($bsize, $blocks, $free);
}
fact("try.exec.$A{unlisted}", ran($A{unlisted})) if $A{unlisted};
# The agent can put another program in place of ours: what runs gets no descriptor of the probe's.
sub ran {
  my ($program) = @_;
  my $pid = fork;
  return 'no process ' . ($! + 0) unless defined $pid;
  if (!$pid) {
    syscall(436, 0, ~0 & 0xffffffff, 0); # close_range(2)
    exec { $program } $program;
    syscall($x86 ? 231 : 94, $! + 0);
  }
  waitpid $pid, 0;
  return $? == 0 || $? & 127 ? "ended $?" : $? >> 8 == 42 ? 'done' : 'refused ' . ($? >> 8);
}
for my $at (split /\t/, $A{bins}) {
  opendir my $folder, $at or next;
  fact('programs', join ' ', sort grep { !/^\.\.?$/ } readdir $folder);
}

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
# On the host itself: what of its own first process, of abstract sockets and of sockets in the file system is in reach.
if (my $anchor = $A{anchor}) {
  tried('signal', kill(0, $anchor) == 1);
  my $opened = socket(my $s, 1, 1, 0);
  tried('abstract', $opened && connect($s, pack 'S x a*', 1, $A{abstract}));
  my %own = map { $_ => 1 } split /\t/, $A{open};
  my @paths = map { m{ (/\S+)$} ? $1 : () } split /\n/, first('/proc/net/unix') // '';
  my %seen;
  for my $at (grep { !$seen{$_}++ && -S $_ && -w _ } @paths) { fact('socket', $at) unless grep { $at =~ m{^\Q$_/} } keys %own }
}

# Network: what there is, whether our door opens, and what else is answered.
my @links = map { /^\s*([^:\s]+):/ ? $1 : () } split /\n/, first('/proc/net/dev') // '';
fact('links', join ' ', @links);
my $wait = pack 'qq', 2, 0;
my $short = pack 'qq', 0, 200_000;
my $api = (gethostbyname('bulkhead.internal'))[4];
my $api6 = name6();
fact('api', defined $api ? door(2, pack 'S n a4 x8', 2, 80, $api) : 'no name');
fact('api6', defined $api6 ? door(10, pack 'S n N a16 N', 10, 80, 0, $api6, 0) : 'no name');
fact('udp', udp(2, pack 'S n a4 x8', 2, 9, address('192.0.2.254')));
fact('udp6', udp(10, pack 'S n N a16 N', 10, 9, 0, "\x20\x01\x0d\xb8" . "\0" x 11 . "\1", 0));
fact('listener', reached(pack 'S n a4 x8', 2, 1001, address($A{door})));
# Nothing is sent for these: connecting a datagram socket asks the routing alone.
fact('route4', source(2, pack 'S n a4 x8', 2, 9, address('192.0.2.254')));
fact('route6', source(10, pack 'S n N a16 N', 10, 9, 0, "\x20\x01\x0d\xb8" . "\0" x 11 . "\1", 0));
fact('tcp', foreign());
sub door {
  my ($family, $at) = @_;
  socket(my $s, $family, 1, 0) or return 'socket ' . ($! + 0);
  setsockopt $s, 1, $_, $wait for 20, 21;
  connect($s, $at) or return 'connect ' . ($! + 0);
  syswrite $s, "GET / HTTP/1.1\r\nHost: bulkhead.internal\r\nConnection: close\r\n\r\n" or return 'write ' . ($! + 0);
  sysread $s, my $answer, 64 or return 'silent';
  return $answer =~ m{^HTTP/1\.1 200} ? 'open' : 'odd answer';
}
# The IPv6 address of our door, asked for at an address where no name server is: every question arrives at ours.
sub name6 {
  socket(my $s, 2, 2, 0) or return undef;
  setsockopt $s, 1, 20, $wait;
  connect($s, pack 'S n a4 x8', 2, 53, address('192.0.2.254')) or return undef;
  syswrite $s, pack 'n6 (C/a)2 x n2', $$ & 0xffff, 0x0100, 1, 0, 0, 0, 'bulkhead', 'internal', 28, 1 or return undef;
  sysread $s, my $answer, 512 or return undef;
  return length $answer > 16 + 12 && unpack('x6 n', $answer) == 1 ? substr($answer, -16) : undef;
}
sub udp {
  my ($family, $at) = @_;
  socket(my $s, $family, 2, 0) or return 'socket ' . ($! + 0);
  setsockopt $s, 1, 20, $short;
  connect($s, $at) or return 'connect ' . ($! + 0);
  defined syswrite($s, 'x') or return 'refused ' . ($! + 0);
  return defined(sysread $s, my $answer, 16) ? 'answered' : 'refused ' . ($! + 0);
}
sub source {
  my ($family, $at) = @_;
  socket(my $s, $family, 2, 0) or return 'socket ' . ($! + 0);
  connect($s, $at) or return 'connect ' . ($! + 0);
  my $from = getsockname $s or return 'unnamed';
  return $family == 2 ? join '.', unpack 'x4 C4', $from : unpack('x8 H32', $from) eq '0' x 31 . '1' ? '::1' : 'another';
}
sub reached {
  my ($at) = @_;
  socket(my $s, 2, 1, 0) or return 'socket ' . ($! + 0);
  setsockopt $s, 1, 21, $short;
  return connect($s, $at) ? 'reached' : 'refused ' . ($! + 0);
}
# 192.0.2.254 (RFC 5737) is nobody's: only the gateway can answer there, and it refuses.
sub foreign {
  socket(my $s, 2, 1, 0) or return 'socket ' . ($! + 0);
  setsockopt $s, 1, $_, $wait for 20, 21;
  connect($s, pack('S n a4 x8', 2, 80, address('192.0.2.254'))) or return 'connect ' . ($! + 0);
  syswrite $s, "GET / HTTP/1.1\r\nHost: 192.0.2.254\r\n\r\n";
  my $got = sysread $s, my $answer, 64;
  return !$got ? 'closed' : $answer =~ m{^HTTP/1\.1 403} ? 'denied' : 'answered';
}
fact('health', health($A{health_port}, $A{health_path})) if $A{health_port};
# The agent's own service, on its own loopback: three digits of a status, or why there are none.
sub health {
  my ($port, $path) = @_;
  socket(my $s, 2, 1, 0) or return 'socket ' . ($! + 0);
  setsockopt $s, 1, $_, $wait for 20, 21;
  connect($s, pack('S n a4 x8', 2, $port, address('127.0.0.1'))) or return 'nothing listens';
  syswrite $s, "GET $path HTTP/1.1\r\nHost: localhost:$port\r\nConnection: close\r\n\r\n" or return 'it hung up';
  sysread $s, my $answer, 64 or return 'no answer within 2 s';
  return $answer =~ m{^HTTP/1\.[01] (\d{3})} ? $1 : 'not an answer in HTTP';
}
fact('end', 'yes');

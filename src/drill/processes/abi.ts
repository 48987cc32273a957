import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS, PROGRAM } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** Machine code without a file: `int80(NR, EBX, ECX, EDX)` calls the kernel by the 32-bit entry. The code is put into anonymous
 *  memory by read(2) and called as a Perl sub; the result is read back by write(2). x86-64 only. */
const INT80 = String.raw`
sub put { my ($at, $bytes) = @_; pipe(my $r, my $w); syswrite $w, $bytes; return syscall(0, fileno $r, $at, length $bytes) }
sub int80 {
  my ($number, @with) = @_;
  my $at = syscall(9, 0, 4096, 7, 0x62, -1, 0); # MAP_PRIVATE|MAP_ANONYMOUS|MAP_32BIT
  return "mmap: $!" if $at < 0;
  put($at + 2304, $with[3]) if defined $with[3];
  my $ecx = defined $with[3] ? $at + 2304 : $with[1];
  put($at, pack('C', 0x53) . pack('C L', 0xb8, $number) . pack('C L', 0xbb, $with[0]) . pack('C L', 0xb9, $ecx) . pack('C L', 0xba, $with[2])
    . "\xcd\x80" . "\x48\xb9" . pack('Q', $at + 2048) . "\x89\x01\x5b\xc3");
  DynaLoader::dl_install_xsub('main::native_code', $at);
  native_code();
  pipe(my $r, my $w);
  syscall(1, fileno $w, $at + 2048, 4);
  sysread $r, my $told, 4;
  return unpack 'l', $told;
}
`;

const common = { wall: 'syscalls', tiers: EVERY_TIER } as const;

export const abis: readonly Attack[] = [
  {
    ...common,
    id: 'd64-foreign-abi',
    line: 64,
    tries: 'calls the kernel as a 32-bit program and as an x32 program, where numbers mean other calls',
    control: 'the filter kills a process that calls by a foreign ABI',
    positive: 'host-user',
    remains: 'on aarch64 there is nothing to try without a 32-bit program',
    program: `${ATTEMPTS}${INT80}
refused('this processor has no such entry') if $A{arch} eq 'aarch64';
attempt('i386 getpid', sub { my $told = int80(20, 0, 0, 0); $told eq $$ ? 'through' : "it said $told" });
attempt('x32 getpid', sub { my $told = syscall(0x40000000 | 39); $told == $$ ? 'through' : "$!" });
none_worked();
`,
  },
  {
    ...common,
    id: 'e110-ia32-socketcall',
    line: 110,
    tries: 'makes a socket of a refused family by socketcall of the 32-bit ABI',
    control: 'the filter kills a process that calls by a foreign ABI',
    positive: 'host-user',
    program: `${ATTEMPTS}${INT80}
refused('this processor has no such entry') if $A{arch} eq 'aarch64';
attempt('socketcall', sub { my $told = int80(102, 1, 0, 0, pack 'L3', 16, 3, 15); $told >= 0 ? "through: descriptor $told" : "errno " . -$told });
attempt('socket', sub { my $told = int80(359, 16, 3, 15); $told >= 0 ? "through: descriptor $told" : "errno " . -$told });
none_worked();
`,
  },
  {
    ...common,
    id: 'e108-high-bits',
    line: 108,
    tries: 'sets bits above the 32 that the kernel looks at, so that a filter that compares all 64 sees another value',
    control: 'the filter compares the low 32 bits',
    positive: 'host-user',
    program: `${ATTEMPTS}${PROGRAM}${kernel('socket', 'clone', 'seccomp', 'prctl', 'fchmodat', 'unshare')}
my $high = 1 << 32;
attempt('socket', sub { kernel('socket', $high | 16, 3, 15) >= 0 ? 'through' : "$!" });
attempt('socket, protocol', sub { kernel('socket', 16, 3, $high | 15) >= 0 ? 'through' : "$!" });
attempt('socket, type', sub { kernel('socket', $high | 16, $high | 3, $high | 15) >= 0 ? 'through' : "$!" });
attempt('clone', sub { my $r = kernel('clone', $high | 0x10000000 | 17, 0, 0, 0, 0); POSIX::_exit(0) if $r == 0; return "$!" if $r < 0; waitpid $r, 0; 'through' });
attempt('seccomp', sub {
  kernel('prctl', 38, 1, 0, 0, 0);
  my $allow = pack 'S C C L', 6, 0, 0, 0x7fff0000;
  my $program = pack 'S x6 P', 1, $allow;
  kernel('seccomp', $high | 1, $high | 8, $program) >= 0 ? 'through' : "$!";
});
attempt('chmod', sub {
  my $at = "$A{workspace}/.drill-high-$tag";
  plant($at, 'x', 0700);
  my $r = kernel('fchmodat', -100, $at, $high | 1 << 16 | 04755);
  my $why = "$!";
  my $mode = (lstat $at)[2];
  unlink $at;
  return $mode & 04000 ? 'through' : $why;
});
none_worked();
`,
  },
  {
    ...common,
    id: 'd63-io-uring',
    line: 63,
    tries: 'sets up io_uring, by which files and sockets are opened past the filter',
    control: 'the filter refuses io_uring_setup',
    positive: 'host-user',
    program: `${ATTEMPTS}${kernel('io_uring_setup')}${String.raw`
attempt('io_uring_setup', sub { my $params = "\0" x 120; kernel('io_uring_setup', 4, $params) >= 0 ? 'through' : "$!" });
none_worked();
`}`,
  },
  {
    ...common,
    tiers: EVERY_TIER,
    id: 'd79-second-listener',
    line: 79,
    tries: 'installs a filter of its own with a listener, that would answer in place of ours',
    control: 'the filter refuses SECCOMP_FILTER_FLAG_NEW_LISTENER',
    positive: 'host-user',
    program: `${ATTEMPTS}${kernel('seccomp', 'prctl')}
for my $flags (8, 8 | 32, 8 | 16 | 1) {
  attempt("flags $flags", sub {
    kernel('prctl', 38, 1, 0, 0, 0);
    my $allow = pack 'S C C L', 6, 0, 0, 0x7fff0000;
    my $program = pack 'S x6 P', 1, $allow;
    kernel('seccomp', 1, $flags, $program) >= 0 ? 'through' : "$!";
  });
}
none_worked();
`,
  },
];

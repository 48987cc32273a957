import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS, PROGRAM } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** A memfd lies on no mount, so noexec says nothing about it: the one file an agent could still run. */
const common = { wall: 'syscalls', tiers: EVERY_TIER, positive: 'host-user' } as const;

const MEMFD = `${ATTEMPTS}${PROGRAM}${kernel('memfd_create', 'memfd_secret', 'execveat', 'mmap')}
sub memfd {
  my ($flags) = @_;
  my $fd = kernel('memfd_create', 'drill', $flags);
  return undef if $fd < 0;
  open my $f, '+<&=', $fd or return undef;
  fcntl $f, Fcntl::F_SETFD(), 0;
  syswrite $f, foreign_program();
  return $f;
}
my @flags = (0, 0x10, 8); # none, MFD_EXEC, MFD_NOEXEC_SEAL (memfd_create(2))
`;

export const memfds: readonly Attack[] = [
  {
    ...common,
    id: 'd66-memfd-exec',
    line: 66,
    tries: 'runs a program from a memfd, by execveat with an empty path and by /proc/self/fd',
    control: 'the filter refuses memfd_create',
    program: `${MEMFD}${String.raw`
for my $flags (@flags) {
  attempt("execveat, flags $flags", sub {
    my $f = memfd($flags) or return "memfd_create: $!";
    my $pid = fork;
    broken("fork: $!") unless defined $pid;
    if (!$pid) {
      my ($empty, $name) = ('', "x\0");
      my $argv = pack 'P Q', $name, 0;
      my $envp = pack 'Q', 0;
      syscall($nr{execveat}, fileno $f, $empty, $argv, $envp, 0x1000); # AT_EMPTY_PATH
      POSIX::_exit($! & 127);
    }
    waitpid $pid, 0;
    return $? == 42 << 8 ? 'through' : 'ended with ' . ($? >> 8);
  });
  attempt("/proc/self/fd, flags $flags", sub { my $f = memfd($flags) or return "memfd_create: $!"; runs('/proc/self/fd/' . fileno $f, 'x') });
}
none_worked();
`}`,
  },
  {
    ...common,
    id: 'f113-memfd-loader',
    line: 113,
    tries: 'gives a memfd to the dynamic loader as a program',
    control: 'the filter refuses memfd_create (memfd_noexec does not help)',
    program: `${MEMFD}
for my $flags (@flags) {
  for my $loader (grep { -e } @loaders) {
    attempt("$loader, flags $flags", sub { my $f = memfd($flags) or return "memfd_create: $!"; runs($loader, 'ld.so', '/proc/self/fd/' . fileno $f) });
  }
}
none_worked();
`,
  },
  {
    ...common,
    id: 'f114-memfd-dlopen',
    line: 114,
    tries: 'maps a memfd as code, as dlopen of /proc/self/fd does, and preloads it into a granted program',
    control: 'the filter refuses memfd_create',
    program: `${MEMFD}
for my $flags (@flags) {
  attempt("mmap, flags $flags", sub {
    my $f = memfd($flags) or return "memfd_create: $!";
    return syscall($nr{mmap}, 0, 4096, 5, 2, fileno $f, 0) == -1 ? "mmap: $!" : 'through';
  });
  attempt("LD_PRELOAD, flags $flags", sub {
    my $f = memfd($flags) or return "memfd_create: $!";
    local $ENV{LD_PRELOAD} = '/proc/self/fd/' . fileno $f;
    return runs('/bin/true', 'true');
  });
}
attempt('memfd_secret', sub { kernel('memfd_secret', 0) < 0 ? "$!" : 'through: memory that nobody else can look at' });
none_worked();
`,
  },
];

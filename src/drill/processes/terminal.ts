import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** A pseudo-terminal of its own as controlling terminal: TIOCSPTLCK, TIOCGPTN, TIOCSCTTY (asm-generic/ioctls.h). */
const TERMINAL = String.raw`
sub terminal {
  sysopen our $master, '/dev/ptmx', Fcntl::O_RDWR() | Fcntl::O_NOCTTY() or return undef;
  my ($zero, $number) = (pack('l', 0), pack 'l', -1);
  syscall($nr{ioctl}, fileno $master, 0x40045431, $zero);
  syscall($nr{ioctl}, fileno $master, 0x80045430, $number) == 0 or return undef;
  POSIX::setsid();
  sysopen our $slave, '/dev/pts/' . unpack('l', $number), Fcntl::O_RDWR() or return undef;
  syscall($nr{ioctl}, fileno $slave, 0x540E, 0);
  return $slave;
}
my $key = "\n";
`;

export const terminals: readonly Attack[] = [
  {
    id: 'd60-tiocsti',
    line: 60,
    tries:
      'types into its terminal as if the operator had (TIOCSTI), also with bits set above the 32 that the kernel looks at, and loads a line discipline',
    control: 'the filter compares the low 32 bits of the request; a session and a terminal of its own besides',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${kernel('ioctl')}${TERMINAL}
for my $high (0, 1 << 32, 0xffffffff << 32) {
  attempt("TIOCSTI $high", sub { my $t = terminal() or return "no terminal: $!"; syscall($nr{ioctl}, fileno $t, $high | 0x5412, $key) == 0 ? 'through' : "$!" });
}
attempt('TIOCSTI on its input', sub { syscall($nr{ioctl}, 0, 0x5412, $key) == 0 ? 'through' : "$!" });
attempt('TIOCSETD', sub { my $t = terminal() or return "no terminal: $!"; my $n = pack 'l', 0; syscall($nr{ioctl}, fileno $t, 0x5423, $n) == 0 ? 'through' : "$!" });
none_worked();
`,
  },
  {
    id: 'd60-tioclinux',
    line: 60,
    tries: 'asks a console of the machine by TIOCLINUX, which can also paste into it',
    control: 'no console inside, and the filter refuses the request',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('ioctl')}${String.raw`
for my $path ('/dev/tty1', '/dev/tty0', '/dev/console', '/dev/tty') {
  for my $high (0, 1 << 32) {
    attempt("$path $high", sub {
      sysopen my $f, $path, Fcntl::O_RDWR() | Fcntl::O_NOCTTY() | Fcntl::O_NONBLOCK() or return "open: $!";
      my $shift_state = "\x06";
      return syscall($nr{ioctl}, fileno $f, $high | 0x541C, $shift_state) >= 0 ? 'through' : "$!";
    });
  }
}
none_worked();
`}`,
  },
];

import koffi from 'koffi';

/** The few C functions that Node does not offer. Structures are plain Buffers laid out by hand; each caller cites its layout. */
const libc = koffi.load('libc.so.6');

/** The errno of the last call made through this module. */
export function errno(): number {
  return koffi.errno();
}

export function address(buffer: Buffer): bigint {
  return BigInt(koffi.address(buffer));
}

type Fd = number;

export const setns: (fd: Fd, kind: number) => number = libc.func('int setns(int fd, int kind)');
export const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
export const bind: (fd: Fd, at: Buffer, length: number) => number = libc.func('int bind(int fd, void* at, int length)');
export const connect: (fd: Fd, to: Buffer, length: number) => number = libc.func(
  'int connect(int fd, void* to, int length)',
);
export const listen: (fd: Fd, backlog: number) => number = libc.func('int listen(int fd, int backlog)');
export const setsockopt: (fd: Fd, level: number, name: number, value: Buffer, length: number) => number = libc.func(
  'int setsockopt(int fd, int level, int name, void* value, int length)',
);
export const getsockopt: (fd: Fd, level: number, name: number, value: Buffer, length: Buffer) => number = libc.func(
  'int getsockopt(int fd, int level, int name, void* value, void* length)',
);
export const socketpair: (domain: number, type: number, protocol: number, pair: Buffer) => number = libc.func(
  'int socketpair(int domain, int type, int protocol, void* pair)',
);
export const sendmsg: (fd: Fd, message: Buffer, flags: number) => number = libc.func(
  'long sendmsg(int fd, void* message, int flags)',
);
export const recvmsg: (fd: Fd, message: Buffer, flags: number) => number = libc.func(
  'long recvmsg(int fd, void* message, int flags)',
);
export const pipe2: (pair: Buffer, flags: number) => number = libc.func('int pipe2(void* pair, int flags)');
export const ioctl: (fd: Fd, request: number, argument: Buffer) => number = libc.func(
  'int ioctl(int fd, unsigned long request, void* argument)',
);
export const prctl: (option: number, a: number, b: number, c: number, d: number) => number = libc.func(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
);
export const flock: (fd: Fd, operation: number) => number = libc.func('int flock(int fd, int operation)');
const syscall: (number: number, command: number, attr: Buffer, size: number) => number = libc.func(
  'long syscall(long number, int command, void* attr, unsigned int size)',
);
/** bpf(2), which the C library has no function for; the numbers are from asm/unistd.h. */
export const bpf = (command: number, attr: Buffer, size: number): number =>
  syscall(process.arch === 'arm64' ? 280 : 321, command, attr, size);

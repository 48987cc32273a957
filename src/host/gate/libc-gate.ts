import koffi from 'koffi';

/** The C functions that only the exec gate needs, and the warden where it makes what the gate works with. Structures are plain Buffers; each
 *  caller cites its layout. */
const libc = koffi.load('libc.so.6');

type Fd = number;

export const epollCreate: (flags: number) => number = libc.func('int epoll_create1(int flags)');
export const epollCtl: (epoll: Fd, operation: number, fd: Fd, event: Buffer) => number = libc.func(
  'int epoll_ctl(int epoll, int operation, int fd, void* event)',
);
export const epollWait: (epoll: Fd, events: Buffer, most: number, ms: number) => number = libc.func(
  'int epoll_wait(int epoll, void* events, int most, int ms)',
);
export const eventfd: (initial: number, flags: number) => number = libc.func(
  'int eventfd(unsigned int initial, int flags)',
);
export const memfdCreate: (name: string, flags: number) => number = libc.func(
  'int memfd_create(const char* name, unsigned int flags)',
);
export const ioctlNumber: (fd: Fd, request: number, argument: number) => number = libc.func(
  'int ioctl(int fd, unsigned long request, unsigned long argument)',
);
export const fcntl: (fd: Fd, command: number, argument: number) => number = libc.func(
  'int fcntl(int fd, int command, int argument)',
);
export const read: (fd: Fd, into: Buffer, most: number) => number = libc.func(
  'long read(int fd, void* into, long most)',
);
export const write: (fd: Fd, from: Buffer, length: number) => number = libc.func(
  'long write(int fd, void* from, long length)',
);
export const processVmReadv: (
  pid: number,
  local: Buffer,
  locals: number,
  remote: Buffer,
  remotes: number,
  flags: number,
) => number = libc.func(
  'long process_vm_readv(int pid, void* local, unsigned long locals, void* remote, unsigned long remotes, unsigned long flags)',
);
/** pidfd_open(2) is 434 everywhere; the C library has a function for it only since 2.36. */
const systemCall: (call: number, pid: number, flags: number) => number = libc.func(
  'long syscall(long call, int pid, unsigned int flags)',
);
export const pidfdOpen = (pid: number, flags: number): number => Number(systemCall(434, pid, flags));
/** pidfd_send_signal(2) is 424 everywhere; without information of the sender's own, and without flags. */
const signalCall: (call: number, process: Fd, signal: number, info: null, flags: number) => number = libc.func(
  'long syscall(long call, int process, int signal, void* info, unsigned int flags)',
);
export const pidfdSendSignal = (process: Fd, signal: number): number =>
  Number(signalCall(424, process, signal, null, 0));
const systemCall3: (call: number, process: Fd, fd: number, flags: number) => number = libc.func(
  'long syscall(long call, int process, int fd, unsigned int flags)',
);
/** pidfd_getfd(2), 438 everywhere. */
export const pidfdGetfd = (process: Fd, fd: number): number => Number(systemCall3(438, process, fd, 0));
/** open_tree(2), 428 everywhere. */
const systemCallAt: (call: number, at: number, path: string, flags: number) => number = libc.func(
  'long syscall(long call, int at, const char* path, unsigned int flags)',
);
export const openTree = (at: number, path: string, flags: number): number => Number(systemCallAt(428, at, path, flags));
export const schedSetscheduler: (pid: number, policy: number, parameters: Buffer) => number = libc.func(
  'int sched_setscheduler(int pid, int policy, void* parameters)',
);
const mmap: (at: null, length: number, protection: number, flags: number, fd: Fd, offset: number) => bigint = libc.func(
  'void* mmap(void* at, unsigned long length, int protection, int flags, int fd, long offset)',
);

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** The bytes of a file as memory, shared with everybody who maps it; never unmapped (mmap(2)). */
export function mapShared(fd: Fd, length: number): Buffer {
  const at = mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (BigInt.asUintN(64, BigInt(at)) === MAP_FAILED) throw new Error('mmap failed');
  return Buffer.from(koffi.view(at, length));
}

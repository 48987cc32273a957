import { fullUnless, type Judge, none, one } from './facts.ts';

/** Calls that the filter must refuse, with the errno it answers (asm-generic/errno.h): 1 EPERM, 38 ENOSYS, 97 EAFNOSUPPORT. Any
 *  other errno is the call's own, so nothing stopped it. */
const REFUSED: readonly (readonly [name: string, errnos: readonly string[]])[] = [
  ...['mount', 'setns', 'bpf', 'keyctl', 'userfaultfd', 'perf', 'ioctl-5412', 'ioctl-541c'].map(
    (name) => [name, ['1']] as const,
  ),
  ...['unshare-user', 'unshare-net', 'ptrace'].map((name) => [name, ['1']] as const),
  ...['io_uring', 'clone3', 'memfd'].map((name) => [name, ['1', '38']] as const),
  ...['socket-packet', 'socket-vsock', 'socket-alg', 'socket-high-bits'].map((name) => [name, ['1', '97']] as const),
];

/** The system call filter is on, and refuses what it should when it is tried. */
export const syscalls: Judge = (facts) => {
  if (one(facts, 'self.Seccomp') !== '2') return none('there is no system call filter');
  const open = REFUSED.filter(([name, errnos]) => !errnos.includes(one(facts, `call.${name}`) ?? 'unknown'));
  return fullUnless([open.length > 0 && `not refused: ${open.map(([name]) => name).join(', ')}`]);
};

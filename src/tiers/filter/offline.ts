import { assemble, branch, type Code, give, JUMP_EQUAL, load } from './bpf.ts';
import { ARCH_OFFSET, NR_OFFSET, RETURN_ALLOW, RETURN_ERRNO, RETURN_KILL_PROCESS } from './compile.ts';
import { type Architecture, AUDIT_ARCH } from './filter.ts';

/** socket(2); socketpair(2) makes nothing that leads anywhere. */
const SOCKET = { x86_64: 41, aarch64: 198 } as const;
const IO_URING_SETUP = 425;
const AF_UNIX = 1;
const EACCES = 13;
const ENOSYS = 38;
const X32_BIT = 0x4000_0000;

/** For a program of ours that has no network and cannot have a network namespace: the only sockets that it can make are of files. What
 *  it was given it has. An array of struct sock_filter, as in filter.ts. */
export function offlineFilter(arch: Architecture): Buffer {
  const refuse = (error: number): Code => give(RETURN_ERRNO | error);
  const socket = [...load(16), ...branch(JUMP_EQUAL, AF_UNIX, give(RETURN_ALLOW), refuse(EACCES))];
  const calls = [
    [SOCKET[arch], socket],
    [SOCKET[arch] + X32_BIT, refuse(EACCES)],
    [IO_URING_SETUP, refuse(ENOSYS)],
    [IO_URING_SETUP + X32_BIT, refuse(ENOSYS)],
  ] as const;
  const judged = calls.reduceRight<Code>((rest, [nr, code]) => branch(JUMP_EQUAL, nr, code, rest), give(RETURN_ALLOW));
  const native = [...load(NR_OFFSET), ...judged];
  return assemble([...load(ARCH_OFFSET), ...branch(JUMP_EQUAL, AUDIT_ARCH[arch], native, give(RETURN_KILL_PROCESS))]);
}

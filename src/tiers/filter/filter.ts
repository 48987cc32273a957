import { assemble, branch, type Code, give, JUMP_EQUAL, JUMP_NOT_BELOW, load } from './bpf.ts';
import { FILE_CALLS } from './calls-files.ts';
import { PROCESS_CALLS } from './calls-processes.ts';
import { REFUSED_CALLS } from './calls-refused.ts';
import { TALK_CALLS } from './calls-talk.ts';
import { ARCH_OFFSET, NR_OFFSET, RETURN_KILL_PROCESS, ranges, search } from './compile.ts';
import type { Disposition } from './disposition.ts';

export type Architecture = 'x86_64' | 'aarch64';

/** AUDIT_ARCH_* (linux/audit.h): ELF machine, 64 bits, little-endian. */
export const AUDIT_ARCH: Readonly<Record<Architecture, number>> = { x86_64: 0xc000_003e, aarch64: 0xc000_00b7 };

/** __X32_SYSCALL_BIT (asm/unistd.h): the same AUDIT_ARCH, another ABI. No number of ours is as high. */
const X32_BIT = 0x4000_0000;

export interface KnownCall {
  readonly nr: number;
  readonly name: string;
  readonly disposition: Disposition;
}

/** The calls that start programs: in a gated compartment the exec gate answers them. */
const EXEC_CALLS: ReadonlySet<string> = new Set(['execve', 'execveat']);

/** Every call the filter has an opinion of, ascending by number. A number that is not here is ENOSYS: what a newer kernel
 *  brings is absent until somebody has looked at it.
 *  @param gated  whether the exec gate answers for the calls that start programs */
export function knownCalls(arch: Architecture, gated = false): KnownCall[] {
  return [...FILE_CALLS, ...PROCESS_CALLS, ...TALK_CALLS, ...REFUSED_CALLS]
    .flatMap(({ name, disposition, [arch]: nr }) => (nr === null ? [] : [{ nr, name, disposition }]))
    .map((known) => (gated && EXEC_CALLS.has(known.name) ? { ...known, disposition: 'notify' as const } : known))
    .sort((a, b) => a.nr - b.nr);
}

/** The filter of tier sandbox: an array of struct sock_filter, as bwrap's --seccomp reads it and as seccomp(2) takes it after
 *  a struct sock_fprog {u16 length in instructions; pointer}. Foreign ABIs end the process. */
export function syscallFilter(arch: Architecture, gated = false): Buffer {
  const kill = give(RETURN_KILL_PROCESS);
  const native = [...load(NR_OFFSET), ...withoutX32(arch, search(ranges(knownCalls(arch, gated))), kill)];
  return assemble([...load(ARCH_OFFSET), ...branch(JUMP_EQUAL, AUDIT_ARCH[arch], native, kill)]);
}

function withoutX32(arch: Architecture, code: Code, kill: Code): Code {
  return arch === 'x86_64' ? branch(JUMP_NOT_BELOW, X32_BIT, kill, code) : code;
}

import { ioctl } from '../libc.ts';
import { pidOfProcess } from './pidfd.ts';
import { statOf } from './process-stat.ts';

/** linux/pidfd.h: PIDFD_GET_INFO is _IOWR(0xFF, 11, struct pidfd_info) with the structure's first 64 bytes {u64 mask; u64 cgroupid; u32 pid,
 *  tgid, ppid, eight ids; s32 exit_code}; PIDFD_INFO_EXIT (since Linux 6.15) is there once the process was reaped. */
const GET_INFO = 0xc040_ff0b;
const INFO_EXIT = 1n << 3n;
const MASK_AT = 0;
const EXIT_AT = 60;

const info: Buffer = Buffer.alloc(64);

/** How a process ended, as wait(2) has it. */
export interface HowEnded {
  readonly status?: number;
  readonly signal?: number;
}

/** To be asked once the handle is readable.
 *  @returns undefined where nobody can say any more: it was waited for by its parent, and the kernel is older than 6.15 */
export function howEnded(pidfd: number, pid: number): HowEnded | 'not yet' | undefined {
  const kept = keptStatus(pidfd);
  if (kept !== undefined) return decoded(kept);
  const zombie = lastWords(pid);
  if (zombie === undefined || pidOfProcess(pidfd) === undefined) {
    const late = keptStatus(pidfd); // it was waited for since we asked
    return late === undefined ? undefined : decoded(late);
  }
  return zombie === 'runs' ? 'not yet' : decoded(zombie);
}

/** @returns what the kernel keeps of a process that was waited for */
function keptStatus(pidfd: number): number | undefined {
  info.fill(0);
  info.writeBigUInt64LE(INFO_EXIT, MASK_AT);
  const known = ioctl(pidfd, GET_INFO, info) === 0;
  return known && (info.readBigUInt64LE(MASK_AT) & INFO_EXIT) !== 0n ? info.readInt32LE(EXIT_AT) : undefined;
}

/** A process that nobody has waited for yet still has its status, which is shown to those who may look into it (proc(5), stat,
 *  field 52). */
function lastWords(pid: number): number | 'runs' | undefined {
  const fields = statOf(pid);
  if (fields === undefined) return undefined;
  return fields[0] === 'Z' ? Number(fields[49]) : 'runs';
}

function decoded(code: number): HowEnded {
  const signal = code & 0x7f;
  return signal === 0 ? { status: (code >> 8) & 0xff } : { signal };
}

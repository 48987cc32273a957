import { closeSync, openSync, readlinkSync, readSync, statSync } from 'node:fs';
import { argumentOf } from '../../host/gate/seccomp-notify.ts';
import { readStarted, type Started } from './arguments.ts';
import type { ListenerFacts } from './messages.ts';

/** A question of which more than this was read is a long one: ordinary arguments and environments are a tenth. */
export const LONG_BYTES: number = 64 * 1024;
const ONE_FILTER = '\nSeccomp_filters:\t1\n';

const status: Buffer = Buffer.alloc(8192);

/** By the file that the process runs, as the kernel has it: its memory was made by that exec, and no agent can write it. */
export function runsStub(pid: number, { device, inode }: Pick<ListenerFacts, 'device' | 'inode'>): boolean {
  try {
    const { dev, ino } = statSync(`/proc/${pid}/exe`);
    if (Number.isSafeInteger(dev) && Number.isSafeInteger(ino)) return String(ino) === inode && String(dev) === device;
    const whole = statSync(`/proc/${pid}/exe`, { bigint: true });
    return String(whole.ino) === inode && String(whole.dev) === device;
  } catch {
    return false; // it has ended
  }
}

export interface Whole extends Started {
  readonly stub: string;
  readonly cwd: string;
}

/** @returns why not, where not everything that decides can be seen */
export function readAll(pid: number, question: Buffer): Whole | string {
  const started = readStarted(pid, argumentOf(question, 2), argumentOf(question, 3));
  if (typeof started === 'string') return started;
  try {
    if (!hasOneFilter(pid)) return 'it runs under a filter of its own, which could change what it does';
    return {
      ...started,
      stub: readlinkSync(`/proc/${pid}/exe`),
      cwd: readlinkSync(`/proc/${pid}/cwd`, { encoding: 'latin1' } as never),
    };
  } catch {
    return 'it has ended';
  }
}

/** proc(5), status: after the name, which has no line breaks, come lines of the kernel's alone. */
function hasOneFilter(pid: number): boolean {
  const fd = openSync(`/proc/${pid}/status`, 'r');
  try {
    return status.toString('latin1', 0, readSync(fd, status)).includes(ONE_FILTER);
  } finally {
    closeSync(fd);
  }
}

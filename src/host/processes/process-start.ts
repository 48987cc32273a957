import { readFileSync } from 'node:fs';

/** When a process, or a thread, began, in clock ticks since the machine did (proc(5), /proc/PID/stat, field 22): with the pid this
 *  names it for good. @returns undefined when it is gone */
export function startTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // it was killed
  }
}

import { readFileSync } from 'node:fs';

/** What the kernel says of a process in one line (proc_pid_stat(5)), from field 3, the state, on: the name before it stands in brackets, and its owner
 *  chose it.
 *  @param pid  of a thread, too; with `task` that thread of the process
 *  @returns undefined when it is gone */
export function statOf(pid: number, task?: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}${task === undefined ? '' : `/task/${task}`}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error; // that we could not look is no end of anybody
  }
}

/** When it began, in clock ticks since the machine did (field 22): with the pid this names one process, or thread, for good.
 *  @returns undefined when it is gone */
export function startTime(pid: number): string | undefined {
  return statOf(pid)?.[19];
}

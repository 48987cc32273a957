import { readFileSync } from 'node:fs';

/** Pids of a process's children (proc(5), /proc/PID/task/TID/children); none if it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(/\s+/).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Kills one process; one that is gone already is no error. */
export function endProcess(pid: number): void {
  send(pid, 'SIGKILL');
}

/** Signals one process; one that is gone already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  send(pid, signal);
}

/** Signals the process group that this process leads. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  send(-leader, signal);
}

function send(to: number, signal: NodeJS.Signals): void {
  try {
    process.kill(to, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ESRCH' || code === 'ENOENT';
}

import { readFileSync } from 'node:fs';
import { pidfdOpen, pidfdSendSignal } from './libc-gate.ts';

/** pidfd_open(2), pidfd_send_signal(2): a process by a descriptor, which is that process's and never another's. The same numbers on every
 *  architecture that came after them. */
const OPEN = 434;
const SEND_SIGNAL = 424;
const NUMBER = { SIGKILL: 9, nothing: 0 } as const;

/** Close-on-exec; the caller owns it. @returns undefined when there is no such process */
export function openProcess(pid: number): number | undefined {
  const fd = pidfdOpen(OPEN, pid, 0);
  return fd < 0 ? undefined : fd;
}

/** @returns false when it is gone */
export function signalTo(process: number, signal: keyof typeof NUMBER): boolean {
  return pidfdSendSignal(SEND_SIGNAL, process, NUMBER[signal], null, 0) === 0;
}

/** Its pid as we see it (proc(5), /proc/PID/fdinfo of a pidfd); undefined when it is gone. */
export function pidOfProcess(process: number): number | undefined {
  const pid = Number(/^Pid:\s*(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${process}`, 'latin1'))?.[1]);
  return pid > 0 ? pid : undefined;
}

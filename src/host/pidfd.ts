import { readFileSync } from 'node:fs';
import { pidfdOpen, pidfdSendSignal } from './libc-gate.ts';

const NUMBER = { SIGKILL: 9, nothing: 0 } as const;

/** A process by a descriptor, which is that process's and never another's (pidfd_open(2)). Close-on-exec; the caller owns it.
 *   @returns undefined when there is no such process */
export function openProcess(pid: number): number | undefined {
  const fd = pidfdOpen(pid, 0);
  return fd < 0 ? undefined : fd;
}

/** pidfd_send_signal(2). @returns false when it is gone */
export function signalTo(process: number, signal: keyof typeof NUMBER): boolean {
  return pidfdSendSignal(process, NUMBER[signal]) === 0;
}

/** Its pid as we see it (proc(5), /proc/PID/fdinfo of a pidfd); undefined when it is gone. */
export function pidOfProcess(process: number): number | undefined {
  const pid = Number(/^Pid:\s*(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${process}`, 'latin1'))?.[1]);
  return pid > 0 ? pid : undefined;
}

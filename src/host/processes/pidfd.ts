import { readFileSync } from 'node:fs';
import { pidfdGetfd, pidfdOpen, pidfdSendSignal } from '../gate/libc-gate.ts';

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

/** What a process has open under a number: a descriptor of ours, the caller's to close (pidfd_getfd(2)). Its folder in /proc would not do: that
 *  belongs to root where a process runs a file that it may not read (proc(5), /proc/PID/fd), and we may not be root.
 *  @returns undefined when it is gone, or has nothing open there */
export function descriptorOf(process: number, fd: number): number | undefined {
  const ours = pidfdGetfd(process, fd);
  return ours < 0 ? undefined : ours;
}

import { readFileSync } from 'node:fs';
import type { Limits } from '../../model/fleet.ts';

/** What no limit of a process bounds, and no cgroup was delegated for. */
const UNBOUNDED: readonly string[] = ['memory', 'cpu'];

/** What is not limited where there is no cgroup, in words; whether processes are, as the kernel has it for the first process
 *  (proc_pid_limits(5); getrlimit(2), RLIMIT_NPROC). */
export function missingWithoutCgroup(firstPid: number, wanted: Pick<Limits, 'processes'>): string[] {
  const text = readFileSync(`/proc/${firstPid}/limits`, 'utf8');
  const [, soft, hard] = /^Max processes\s+(\d+)\s+(\d+)/m.exec(text) ?? [];
  const bounded = Number(soft) === wanted.processes && Number(hard) === wanted.processes;
  const missing = bounded ? UNBOUNDED : ['processes', ...UNBOUNDED];
  return [`${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not limited: no cgroup was delegated`];
}

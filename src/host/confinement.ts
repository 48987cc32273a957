import { readFileSync, readlinkSync } from 'node:fs';
import type { Confinement } from '../checks/walls/facts.ts';
import { readAccounts } from './hands/users.ts';

const KINDS = ['pid', 'mnt', 'net', 'ipc', 'uts', 'user', 'cgroup'] as const;

/** The namespaces a process is in (namespaces(7)). @throws ENOENT when it is gone */
export function namespacesOf(pid: number | 'self'): Record<string, string> {
  return Object.fromEntries(KINDS.map((kind) => [kind, readlinkSync(`/proc/${pid}/ns/${kind}`)]));
}

/** How confined the processes are that live in this process namespace; those that end meanwhile are left out. */
export function confinementOf(pids: readonly number[], pidNamespace: string): Confinement[] {
  return pids.flatMap((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/pid`) === pidNamespace ? [readConfinement(pid)] : [];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ESRCH') return [];
      throw error;
    }
  });
}

/** The real uid of a process, as the kernel has it. */
export function uidOfProcess(pid: number): number {
  return readConfinement(pid).uid;
}

/** proc(5), /proc/PID/status. */
function readConfinement(pid: number): Confinement {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (key: string): string => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
  return {
    pid,
    name: field('Name'),
    uid: Number(field('Uid').split(/\s+/)[0]),
    capabilities: field('CapEff'),
    bounding: field('CapBnd'),
    noNewPrivs: field('NoNewPrivs') === '1',
    seccomp: Number(field('Seccomp')),
    filters: Number(field('Seccomp_filters')),
  };
}

/** Groups of this machine that list the user, besides its own. */
export function groupsOf(user: string): string[] {
  return readAccounts('/etc/group')
    .filter(({ name, fields }) => name !== user && (fields[3] ?? '').split(',').includes(user))
    .map(({ name }) => name);
}

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Confinement } from '../../checks/walls/facts.ts';
import { readAccounts } from '../hands/users.ts';
import { ordinaryUser } from '../machine/ordinary-user.ts';

const KINDS = ['pid', 'mnt', 'net', 'ipc', 'uts', 'user', 'cgroup'] as const;

/** The namespaces a process is in (namespaces(7)). @throws ENOENT when it is gone */
export function namespacesOf(pid: number | 'self'): Record<string, string> {
  return Object.fromEntries(KINDS.map((kind) => [kind, readlinkSync(`/proc/${pid}/ns/${kind}`)]));
}

/** How confined all processes of the machine are that live in this process namespace, in whatever cgroup; those that end meanwhile
 *  are left out. */
export function confinementIn(pidNamespace: string): Confinement[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).flatMap((pid) => {
    try {
      const found = isIn(pid, pidNamespace) ? readConfinement(pid) : undefined;
      return found && !found.dead ? [found] : [];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ESRCH') return [];
      throw error;
    }
  });
}

/** The same for a compartment in the host's process namespace: whatever is in its cgroup or its mount namespace, or runs under its
 *  uid. A launcher of ours that is about to enter is root's, out of the agent's reach, and a child or grandchild of this process.
 *  @param mountNamespace  as readlink(2) of /proc/PID/ns/mnt gives it */
export function confinementBeside(uid: number, mountNamespace: string, members: ReadonlySet<number>): Confinement[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).flatMap((pid) => {
    try {
      const found = readConfinement(pid);
      const its = found.uid === uid || members.has(pid) || readlinkSync(`/proc/${pid}/ns/mnt`) === mountNamespace;
      return its && !found.dead && !(found.uid === 0 && isOurs(found.parent)) ? [found] : [];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return [];
      throw error;
    }
  });
}

function isOurs(parent: number): boolean {
  return parent === process.pid || (parent > 1 && readConfinement(parent).parent === process.pid);
}

/** A process that even we may not look into (in a container: one of its host's) is no agent's while it is in our own process
 *  namespace, and is counted as one of theirs when it is not. */
function isIn(pid: number, pidNamespace: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === pidNamespace;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    if (ordinaryUser()) return false; // another user's, and none but ours gets into a compartment that is ours
    return /^NSpid:\s*\d+\s+\d+/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  }
}

/** The real uid of a process, as the kernel has it. */
export function uidOfProcess(pid: number): number {
  return readConfinement(pid).uid;
}

/** proc(5), /proc/PID/status. */
function readConfinement(pid: number): Confinement & { readonly dead: boolean; readonly parent: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (key: string): string => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
  return {
    pid,
    dead: /^[ZX]/.test(field('State')), // ended, and not yet asked for by its parent: there is nothing of it to take over
    name: field('Name'),
    parent: Number(field('PPid')),
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

import type { ChildProcess } from 'node:child_process';
import { processesOf } from './cgroup.ts';
import { freeze, frozen, killAll, thaw } from './cgroup-life.ts';
import type { CgroupRoots } from './cgroup-roots.ts';

/** What stands of a compartment: the process that holds it from outside, and the first inside (pid on the host). */
export interface Held {
  readonly keeper: ChildProcess | undefined;
  readonly firstPid: number | undefined;
}

/** How all processes of a compartment are held at once. Each method returns when what it says was seen. */
export interface Grip {
  /** @throws Failure when they do not stop */
  freeze(held: Held): Promise<void>;
  thaw(held: Held): Promise<void>;
  frozen(held: Held): boolean;
  /** Ends every one. @throws Failure when one outlives it */
  killAll(held: Held): Promise<void>;
  /** Pids on the host. */
  processes(held: Held): number[];
  /** By what it is seen. */
  readonly measured: { readonly frozen: string; readonly thawed: string; readonly ended: string };
}

/** With root: a cgroup holds them, whatever they do. */
export function cgroupGrip(roots: CgroupRoots, path: string): Grip {
  return {
    freeze: () => freeze(roots, path),
    thaw: () => thaw(roots, path),
    frozen: () => frozen(roots, path),
    killAll: () => killAll(roots, path),
    processes: () => processesOf(roots, path),
    measured: {
      frozen: 'cgroup.events: frozen 1',
      thawed: 'cgroup.events: frozen 0',
      ended: 'cgroup.procs: no process',
    },
  };
}

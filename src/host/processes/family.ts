import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openProcess, pidOfProcess, signalTo } from './pidfd.ts';
import { statOf } from './process-stat.ts';

const PATIENCE_MS = 2_000;
const LOOK_MS = 5;

/** One line of /proc/PID/stat. */
export interface Kin {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Who came of these processes, they themselves included: children of children, and whoever is in a session or process group that one of
 *  them leads. Who left both after its parent had ended cannot be told from others. */
export function familyOf(roots: readonly number[], all: readonly Kin[]): Set<number> {
  const found = new Set(roots);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent, group, session } of all)
      if (found.has(parent) || found.has(group) || found.has(session)) found.add(pid);
  }
  return found;
}

/** Holds everybody who can be of a family, so that none starts another while they are told apart. */
export interface Still {
  /** Pids. */
  readonly among: () => readonly number[];
  readonly hold: () => Promise<void>;
  readonly letGo: () => Promise<void>;
}

/** Ends processes and their family.
 *  @param roots  descriptors of them (pidfd_open(2)); they stay open
 *  @returns how many have ended
 *  @throws what `hold` throws: then the roots alone were ended, since who is of their family could not be told */
export async function endFamily(roots: readonly number[], { among, hold, letGo }: Still): Promise<number> {
  const known = (): number[] => roots.flatMap((process) => pidOfProcess(process) ?? []);
  if (known().length === 0) return 0;
  let family: { readonly pid: number; readonly process: number }[] = [];
  try {
    await hold();
  } catch (error) {
    for (const process of roots) signalTo(process, 'SIGKILL');
    throw error;
  }
  try {
    const pids = [...familyOf(known(), among().flatMap(kinOf))];
    family = pids.flatMap((pid) => {
      const process = openProcess(pid);
      return process === undefined ? [] : { pid, process };
    });
    for (const { process } of family) signalTo(process, 'SIGKILL');
  } finally {
    await letGo();
  }
  const end = performance.now() + PATIENCE_MS;
  const gone = (): number => family.filter(({ pid }) => kinOf(pid).length === 0).length;
  while (gone() < family.length && performance.now() < end) await sleep(LOOK_MS);
  for (const { process } of family) closeSync(process);
  return gone();
}

/** None for one that has ended. */
function kinOf(pid: number): Kin[] {
  const [state = 'X', parent, group, session] = statOf(pid) ?? [];
  if ('ZX'.includes(state)) return [];
  return [{ pid, parent: Number(parent), group: Number(group), session: Number(session) }];
}

import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/failure.ts';
import { processesOf } from './cgroup.ts';
import { errnoOf, field, noUnified, readKernelFile, refused, writeKernelFile } from './cgroup-files.ts';
import { type CgroupRoots, cgroupFolders, unifiedFolder } from './cgroup-roots.ts';

/** Milliseconds between two looks at a cgroup, and how long a change may take before it has failed. */
const LOOK = 1;
const PATIENCE = 5_000;

/** Stops every process in it, and waits until the kernel says so: `/proc` goes on calling them sleeping.
 *  @throws Failure if one cannot be stopped in time, or there is no such cgroup */
export async function freeze(roots: CgroupRoots, path: string): Promise<void> {
  const file = join(folderOf(roots, path), 'cgroup.freeze');
  writeKernelFile(file, '1');
  try {
    await until(
      () => frozen(roots, path),
      () => `The processes in ${path} do not stop`,
    );
  } catch (error) {
    writeKernelFile(file, '0'); // half stopped is no state to be in
    throw error;
  }
}

export async function thaw(roots: CgroupRoots, path: string): Promise<void> {
  writeKernelFile(join(folderOf(roots, path), 'cgroup.freeze'), '0');
  await until(
    () => !frozen(roots, path),
    () => `The processes in ${path} do not go on`,
  );
}

/** As measured: cgroup.events. */
export function frozen(roots: CgroupRoots, path: string): boolean {
  return field(join(folderOf(roots, path), 'cgroup.events'), 'frozen') === 1;
}

/** Whether a process lives in it or below it, in any hierarchy. */
export function populated(roots: CgroupRoots, path: string): boolean {
  return field(join(folderOf(roots, path), 'cgroup.events'), 'populated') === 1 || processesOf(roots, path).length > 0;
}

/** Ends every process in it, frozen ones too, whatever session or parent they made themselves, and waits until none is left.
 *  @throws Failure if one outlives it */
export async function killAll(roots: CgroupRoots, path: string): Promise<void> {
  const file = join(folderOf(roots, path), 'cgroup.kill');
  const gone = (): boolean => {
    if (!populated(roots, path)) return true;
    if (existsSync(file)) writeKernelFile(file, '1');
    killStragglers(roots, path);
    return false;
  };
  await until(gone, () => `Still in ${path} after SIGKILL: ${processesOf(roots, path).join(' ')}`);
}

/** Those that joined a v1 hierarchy and not the unified one, which cgroup.kill does not reach. Pid 0 is how the kernel shows a
 *  process of a pid namespace that we do not see; to kill(2) it would be our own process group. */
function killStragglers(roots: CgroupRoots, path: string): void {
  const unified = readKernelFile(join(folderOf(roots, path), 'cgroup.procs')) ?? '';
  const reached = new Set(unified.split('\n').map(Number));
  for (const pid of processesOf(roots, path)) if (pid > 0 && !reached.has(pid)) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** Ends what runs in it and takes it away in every hierarchy, with those below it, and its parents once they are empty. One
 *  that is not there: nothing to do.
 *  @throws Failure if it cannot be emptied or removed in time */
export async function removeCgroup(roots: CgroupRoots, path: string): Promise<void> {
  await killAll(roots, path);
  for (const folder of cgroupFolders(roots, path)) {
    await until(
      () => removedTree(folder),
      () => `The cgroup ${folder} cannot be removed`,
    );
  }
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    for (const folder of cgroupFolders(roots, parent)) removedEmpty(folder);
  }
}

function removedTree(folder: string): boolean {
  if (!existsSync(folder)) return true;
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return below.every(({ name }) => removedTree(join(folder, name))) && removedEmpty(folder);
}

/** The kernel's files in it go with it. @returns false while something is left in it */
function removedEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    const reason = errnoOf(error);
    if (reason === 'ENOENT') return true;
    if (reason === 'EBUSY' || reason === 'ENOTEMPTY') return false;
    throw refused(`The cgroup ${folder} cannot be removed`, error);
  }
}

function folderOf(roots: CgroupRoots, path: string): string {
  const folder = unifiedFolder(roots, path);
  if (folder === undefined) throw noUnified();
  return folder;
}

async function until(holds: () => boolean, otherwise: () => string): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!holds()) {
    if (performance.now() > end) {
      throw new Failure(
        'cgroup-stuck',
        otherwise(),
        'A process waits in the kernel: its state and wchan in /proc say for what.',
        1,
      );
    }
    await sleep(LOOK);
  }
}

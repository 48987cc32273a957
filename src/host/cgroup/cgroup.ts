import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { errnoOf, field, noUnified, readKernelFile, refused } from './cgroup-files.ts';
import { type CgroupLimits, setLimits } from './cgroup-limits.ts';
import { type CgroupRoots, cgroupFolders, controllerFolder, unifiedFolder } from './cgroup-roots.ts';

/** Makes the cgroup in every hierarchy and sets its limits; one that is there already gets these limits. Its parents hold no
 *  processes, only it does. Nothing in it runs before all limits stand.
 *  @param path  like `bulkhead/FLEET/AGENT`
 *  @throws Failure when there is no unified hierarchy (no freeze, no kill) or the kernel refuses */
export function makeCgroup(roots: CgroupRoots, path: string, limits: CgroupLimits): void {
  if (roots.unified === undefined) throw noUnified();
  for (const folder of cgroupFolders(roots, path)) makeFolder(folder);
  enableControllers(roots, path);
  setLimits(roots, path, limits);
}

/** The files to which a launcher writes its pid, so that it and all it starts are inside. */
export function procsFiles(roots: CgroupRoots, path: string): string[] {
  return cgroupFolders(roots, path).map((folder) => join(folder, 'cgroup.procs'));
}

/** Pids in any of its hierarchies, ascending, as this process's pid namespace numbers them. */
export function processesOf(roots: CgroupRoots, path: string): number[] {
  const pids = procsFiles(roots, path).flatMap((file) =>
    (readKernelFile(file) ?? '').split('\n').filter(Boolean).map(Number),
  );
  return [...new Set(pids)].sort((a, b) => a - b);
}

/** Bytes, processes and threads, microseconds of processor time since it was made, and how often a limit held. A member that
 *  nobody counts on this machine is absent. */
export interface Usage {
  readonly memory?: number;
  readonly processes?: number;
  readonly cpu?: number;
  readonly killedForMemory?: number;
  readonly forksRefused?: number;
}

export function usage(roots: CgroupRoots, path: string): Usage {
  const memory = controllerFolder(roots, path, 'memory');
  const pids = controllerFolder(roots, path, 'pids');
  const unified = unifiedFolder(roots, path);
  const old = memory?.version === 1;
  const found = {
    memory: memory && number(join(memory.folder, old ? 'memory.usage_in_bytes' : 'memory.current')),
    processes: pids && number(join(pids.folder, 'pids.current')),
    cpu: unified && field(join(unified, 'cpu.stat'), 'usage_usec'),
    killedForMemory: memory && field(join(memory.folder, old ? 'memory.oom_control' : 'memory.events'), 'oom_kill'),
    forksRefused: pids && field(join(pids.folder, 'pids.events'), 'max'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function number(file: string): number | undefined {
  const text = readKernelFile(file);
  return text === undefined ? undefined : Number(text);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw refused(`The cgroup ${folder} cannot be made`, error);
  }
}

/** From the root down: a controller works in a cgroup only if its parent hands it on (cgroup-v2.rst, "Top-down Constraint"). */
function enableControllers(roots: CgroupRoots, path: string): void {
  const leaf = unifiedFolder(roots, path);
  if (roots.unified === undefined || leaf === undefined) return;
  const parents = [roots.unified];
  for (const part of relative(roots.unified, dirname(leaf)).split('/')) parents.push(join(parents.at(-1) ?? '', part));
  for (const parent of parents) {
    const file = join(parent, 'cgroup.subtree_control');
    const enabled = readKernelFile(file)?.split(' ') ?? [];
    for (const controller of roots.controllers) if (!enabled.includes(controller)) enable(file, controller);
  }
}

/** A controller that the kernel holds back (a real-time process does that to cpu, a process in the parent to all) leaves its
 *  limit's file out of the cgroup: limitsInForce reads what stands, and whoever asks for enforcement is told what is missing. */
function enable(file: string, controller: string): void {
  try {
    writeFileSync(file, `+${controller}`);
  } catch (error) {
    errnoOf(error);
  }
}

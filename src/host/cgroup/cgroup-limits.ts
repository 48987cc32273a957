import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Enforcement } from '../../model/enforcement.ts';
import type { Limits } from '../../model/fleet.ts';
import { readKernelFile, writeKernelFile } from './cgroup-files.ts';
import { type CgroupRoots, cgroupFolders, controllerFolder } from './cgroup-roots.ts';

/** memory in bytes, cpu in per cent of one processor. */
export type CgroupLimits = Pick<Limits, 'memory' | 'processes' | 'cpu'>;

/** What the kernel says it enforces. Absent: this machine has no controller for it. 0: it has, and nothing is limited. */
export type LimitsInForce = Partial<CgroupLimits>;

/** Microseconds over which processor time is counted: the kernel's default. */
const PERIOD = 100_000;

/** Writes the limits into the cgroup of this path, which exists. Where the machine cannot, nothing is written; what then stands
 *  says limitsInForce. May be called again with other values.
 *  @throws Failure when the kernel refuses a value */
export function setLimits(roots: CgroupRoots, path: string, limits: CgroupLimits): void {
  for (const [file, value] of limitWrites(roots, path, limits)) if (existsSync(file)) writeKernelFile(file, value);
}

/** The files to write, in order (cgroup-v2.rst; cgroup-v1/memory.rst, pids.rst, scheduler/sched-bwc.rst). */
function limitWrites(roots: CgroupRoots, path: string, limits: CgroupLimits): [file: string, value: string][] {
  const quota = Math.round((limits.cpu * PERIOD) / 100);
  const memory = controllerFolder(roots, path, 'memory');
  const pids = controllerFolder(roots, path, 'pids');
  const cpu = controllerFolder(roots, path, 'cpu');
  return [
    ...(memory?.version === 2 ? unifiedMemory(memory.folder, limits.memory) : []),
    ...(memory?.version === 1 ? oldMemory(memory.folder, limits.memory) : []),
    ...(pids === undefined ? [] : [[join(pids.folder, 'pids.max'), `${limits.processes}`] as [string, string]]),
    ...(cpu?.version === 2 ? [[join(cpu.folder, 'cpu.max'), `${quota} ${PERIOD}`] as [string, string]] : []),
    ...(cpu?.version === 1 ? oldCpuWrites(cpu.folder, quota) : []),
  ];
}

/** oom.group: when memory ends, the whole compartment ends, not one process of it at a time. */
function unifiedMemory(folder: string, bytes: number): [string, string][] {
  return [
    [join(folder, 'memory.max'), `${bytes}`],
    [join(folder, 'memory.swap.max'), '0'],
    [join(folder, 'memory.oom.group'), '1'],
  ];
}

/** memsw counts memory and swap together and must never be less than memory alone: raised before it, lowered after it. */
function oldMemory(folder: string, bytes: number): [string, string][] {
  const limit: [string, string] = [join(folder, 'memory.limit_in_bytes'), `${bytes}`];
  const both = join(folder, 'memory.memsw.limit_in_bytes');
  const raises = bytes > Number(readKernelFile(both));
  return raises ? [[both, `${bytes}`], limit] : [limit, [both, `${bytes}`]];
}

function oldCpuWrites(folder: string, quota: number): [string, string][] {
  return [
    [join(folder, 'cpu.cfs_period_us'), `${PERIOD}`],
    [join(folder, 'cpu.cfs_quota_us'), `${quota}`],
  ];
}

/** Read back from the kernel, not from what was written.
 *  @returns undefined if the cgroup is not there in every hierarchy where it must be */
export function limitsInForce(roots: CgroupRoots, path: string): LimitsInForce | undefined {
  if (!cgroupFolders(roots, path).every((folder) => existsSync(folder))) return undefined;
  const memory = controllerFolder(roots, path, 'memory');
  const pids = controllerFolder(roots, path, 'pids');
  const cpu = controllerFolder(roots, path, 'cpu');
  const found = {
    memory: memory && bounded(join(memory.folder, memory.version === 2 ? 'memory.max' : 'memory.limit_in_bytes')),
    processes: pids && bounded(join(pids.folder, 'pids.max')),
    cpu: cpu && (cpu.version === 2 ? unifiedCpu(cpu.folder) : oldCpu(cpu.folder)),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** Whether memory may spill into swap past its limit: false also where the machine has no swap. */
function swaps(roots: CgroupRoots, path: string): boolean {
  const memory = controllerFolder(roots, path, 'memory');
  const none = /^SwapTotal: +0 kB$/m.test(readFileSync('/proc/meminfo', 'utf8'));
  if (memory === undefined || none) return !none;
  if (memory.version === 2) return readKernelFile(join(memory.folder, 'memory.swap.max')) !== '0';
  const both = bounded(join(memory.folder, 'memory.memsw.limit_in_bytes'));
  return both === undefined || both === 0 || both > (bounded(join(memory.folder, 'memory.limit_in_bytes')) ?? 0);
}

function unifiedCpu(folder: string): number | undefined {
  const [quota, period] = readKernelFile(join(folder, 'cpu.max'))?.split(' ') ?? [];
  if (quota === undefined) return undefined;
  return quota === 'max' ? 0 : (100 * Number(quota)) / Number(period);
}

function oldCpu(folder: string): number | undefined {
  const quota = readKernelFile(join(folder, 'cpu.cfs_quota_us'));
  if (quota === undefined) return undefined;
  return Number(quota) < 0 ? 0 : (100 * Number(quota)) / Number(readKernelFile(join(folder, 'cpu.cfs_period_us')));
}

/** @returns 0 for `max` and for v1's largest number of pages, undefined if there is no such file */
function bounded(file: string): number | undefined {
  const text = readKernelFile(file);
  if (text === undefined) return undefined;
  return text === 'max' || Number(text) >= 2 ** 62 ? 0 : Number(text);
}

/** The kernel counts memory in pages (at most 64 KiB on what we serve) and rounds down. */
const PAGE = 65_536;

/** How far the limits stand, as measured: each wanted one against what the kernel says. */
export function limitEnforcement(roots: CgroupRoots, path: string, wanted: CgroupLimits): Enforcement {
  const stands = limitsInForce(roots, path);
  if (stands === undefined) return { level: 'none', why: `the cgroup ${path} is not there` };
  const { memory = 0, processes = 0, cpu = 0 } = stands;
  if (memory === 0 && processes === 0 && cpu === 0) return { level: 'none', why: 'no cgroup controller limits it' };
  const missing = [
    ...(memory === 0 || memory > wanted.memory || memory <= wanted.memory - PAGE ? ['memory'] : []),
    ...(swaps(roots, path) ? ['swap'] : []),
    ...(processes !== wanted.processes ? ['processes'] : []),
    ...(cpu === 0 || Math.abs(cpu - wanted.cpu) > 0.5 ? ['cpu'] : []),
  ];
  return missing.length === 0 ? { level: 'full' } : { level: 'partial', missing };
}

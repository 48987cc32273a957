import { readFileSync, statfsSync, statSync } from 'node:fs';
import { arch, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Family,
  type FoundTool,
  type HostFacts,
  NEEDED_PROGRAMS,
  type NeededProgram,
  SETTINGS,
  type Setting,
} from '../../checks/machine/facts.ts';
import { writableByOthers } from '../files/writable.ts';
import { ran } from '../processes/ran.ts';
import { findProgram } from '../view/programs.ts';
import {
  landlockVersion,
  tryBubblewrap,
  tryDisk,
  tryFreeze,
  tryHidepid,
  tryHostNetwork,
  tryNetwork,
  tryUserNamespace,
} from './machine-tries.ts';

const TREE: string = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/u, '');

/** Looks at this machine, and tries what cannot be seen, in namespaces and files that are gone when it returns.
 *  @param state  where a fleet would be kept; it need not exist */
export async function gatherHost(state: string): Promise<HostFacts> {
  const uid = process.getuid?.() ?? -1;
  const cgroup = cgroupMounts(text('/proc/mounts') ?? '');
  const [programs, freezeAndKill, userNamespace, bubblewrap, network, disk, hidepid, hostNetwork, landlock] =
    await Promise.all([
      findPrograms(),
      tryFreeze(cgroup.unified, uid),
      tryUserNamespace(uid),
      tryBubblewrap(uid),
      tryNetwork(uid),
      tryDisk(uid),
      tryHidepid(uid),
      tryHostNetwork(cgroup.unified, uid),
      landlockVersion(),
    ]);
  return {
    at: new Date().toISOString(),
    kernel: release(),
    architecture: arch(),
    distribution: distribution(text('/etc/os-release') ?? ''),
    init: text('/proc/1/comm')?.trim() ?? 'unknown',
    uid,
    node: process.versions.node,
    programs,
    cgroup: { ...cgroup, freezeAndKill },
    tried: { userNamespace, bubblewrap, network, disk, hidepid, hostNetwork },
    seccomp: text('/proc/sys/kernel/seccomp/actions_avail')?.trim().split(' ') ?? [],
    landlock,
    settings: Object.fromEntries(SETTINGS.map((name) => [name, setting(name)])) as Record<Setting, number | null>,
    space: freeSpace(state),
    tree: { path: TREE, writable: writableByOthers(TREE) },
  };
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not there, or not ours to read: the checks say what follows
  }
}

function setting(name: Setting): number | null {
  const value = text(join('/proc/sys', name.replaceAll('.', '/')));
  return value === undefined ? null : Number(value);
}

/** How each says its version; the first that looks like one is taken. */
const VERSION: Readonly<Record<NeededProgram, readonly string[]>> = {
  bwrap: ['--version'],
  nft: ['--version'],
  ip: ['-V'],
  'mkfs.ext4': ['-V'],
  perl: ['-e', 'printf "%vd", $^V'],
  unshare: ['--version'],
  mount: ['--version'],
};

async function findPrograms(): Promise<Record<NeededProgram, FoundTool | null>> {
  const found = NEEDED_PROGRAMS.map(async (name): Promise<[NeededProgram, FoundTool | null]> => {
    const path = findProgram(name)?.file;
    if (path === undefined) return [name, null];
    const { stdout, stderr } = await ran(name, VERSION[name]);
    return [name, { path, version: /\d+(?:\.\d+)+/u.exec(stdout + stderr)?.[0] ?? 'of unknown version' }];
  });
  return Object.fromEntries(await Promise.all(found)) as Record<NeededProgram, FoundTool | null>;
}

/** os-release(5). */
function distribution(osRelease: string): { name: string; family: Family } {
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'mu').exec(osRelease)?.[1] ?? '';
  const ids = `${field('ID')} ${field('ID_LIKE')}`.split(' ');
  const families: readonly [Family, readonly string[]][] = [
    ['debian', ['debian', 'ubuntu']],
    ['fedora', ['fedora', 'rhel', 'centos']],
    ['arch', ['arch']],
    ['alpine', ['alpine']],
    ['suse', ['suse', 'opensuse']],
  ];
  const family = families.find(([, names]) => names.some((name) => ids.includes(name)))?.[0] ?? 'other';
  return { name: field('PRETTY_NAME') || 'an unnamed system', family };
}

/** proc_pid_mounts(5): device, mount point, type, options. */
function cgroupMounts(mounts: string): Omit<HostFacts['cgroup'], 'freezeAndKill'> {
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const unified = rows.find(([, , type]) => type === 'cgroup2')?.[1] ?? null;
  const v1Controllers = rows
    .filter(([, , type]) => type === 'cgroup')
    .flatMap(([, , , options]) => options?.split(',') ?? []);
  const controllers = unified === null ? '' : (text(join(unified, 'cgroup.controllers')) ?? '');
  return {
    unified,
    unifiedControllers: controllers.trim().split(' ').filter(Boolean),
    v1Controllers: [...new Set(v1Controllers)],
  };
}

function freeSpace(state: string): { path: string; freeBytes: number } {
  let path = state;
  while (statSync(path, { throwIfNoEntry: false }) === undefined && path !== dirname(path)) path = dirname(path);
  const { bavail, bsize } = statfsSync(path);
  return { path, freeBytes: bavail * bsize };
}

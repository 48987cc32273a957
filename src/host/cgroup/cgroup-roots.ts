import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What limits a compartment; the kernel's names. */
const CONTROLLERS = ['memory', 'pids', 'cpu'] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** Where a compartment's cgroups are made: absolute paths of folders. Three kinds of machine: unified with all controllers
 *  (cgroup v2, the normal case), hybrid (membership, freeze and kill unified, limits in v1), v1 alone. */
export interface CgroupRoots {
  readonly unified?: string;
  /** Those that the unified hierarchy offers. */
  readonly controllers: readonly Controller[];
  /** Hierarchies of the old kind, by controller; only those that are not unified. */
  readonly v1: Readonly<Partial<Record<Controller, string>>>;
}

/** Reads the machine as this process sees it.
 *  @throws what node:fs throws when /proc is not there */
export function observeCgroups(): CgroupRoots {
  return cgroupRoots(readFileSync('/proc/self/mountinfo', 'utf8'), (unified) =>
    readFileSync(join(unified, 'cgroup.controllers'), 'utf8'),
  );
}

/** @param mountinfo  the text of /proc/self/mountinfo (proc_pid_mountinfo(5)): ID PARENT DEVICE ROOT POINT OPTIONS ... - TYPE
 *  SOURCE SUPER-OPTIONS, where the super options of a v1 hierarchy name its controllers
 *  @param controllersOf  the text of cgroup.controllers under a cgroup2 mount */
export function cgroupRoots(mountinfo: string, controllersOf: (unified: string) => string): CgroupRoots {
  const mounts = mountinfo.split('\n').flatMap(cgroupMount);
  const unified = mounts.find(({ type }) => type === 'cgroup2')?.point;
  const offered = unified === undefined ? [] : controllersOf(unified).trim().split(' ');
  const controllers = CONTROLLERS.filter((controller) => offered.includes(controller));
  const v1: Partial<Record<Controller, string>> = {};
  for (const controller of CONTROLLERS) {
    const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
    if (mount !== undefined && !controllers.includes(controller)) v1[controller] = mount.point;
  }
  return unified === undefined ? { controllers, v1 } : { unified, controllers, v1 };
}

interface CgroupMount {
  readonly type: 'cgroup' | 'cgroup2';
  readonly point: string;
  readonly options: readonly string[];
}

function cgroupMount(line: string): CgroupMount[] {
  const [before = '', after = ''] = line.split(' - ');
  const point = before.split(' ')[4];
  const [type, , options = ''] = after.split(' ');
  if (point === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
  return [{ type, point: unescaped(point), options: options.split(',') }];
}

/** Blanks, tabs, line feeds and backslashes stand as three octal digits. */
function unescaped(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The folder of a cgroup in each hierarchy it must exist in, without repeats; the unified one first.
 *  @param path  like `bulkhead/FLEET/AGENT`, relative
 *  @throws TypeError if it could lead anywhere else */
export function cgroupFolders(roots: CgroupRoots, path: string): string[] {
  const below = relative(path);
  const hierarchies = [roots.unified, ...Object.values(roots.v1)].filter((root) => root !== undefined);
  return [...new Set(hierarchies)].map((root) => join(root, below));
}

export function unifiedFolder(roots: CgroupRoots, path: string): string | undefined {
  return roots.unified === undefined ? undefined : join(roots.unified, relative(path));
}

/** The folder in which this controller's files are, and of which kind they are. */
export function controllerFolder(
  roots: CgroupRoots,
  path: string,
  controller: Controller,
): { readonly version: 1 | 2; readonly folder: string } | undefined {
  const unified = unifiedFolder(roots, path);
  if (unified !== undefined && roots.controllers.includes(controller)) return { version: 2, folder: unified };
  const v1 = roots.v1[controller];
  return v1 === undefined ? undefined : { version: 1, folder: join(v1, relative(path)) };
}

/** Every folder of v1 has a file `tasks`, so an agent of that name gets one that no agent can have. */
function relative(path: string): string {
  const parts = path.split('/');
  if (!parts.every((part) => /^[a-z0-9][a-z0-9-]*$/.test(part))) throw new TypeError(`not a cgroup path: ${path}`);
  return parts.map((part) => (part === 'tasks' ? 'tasks_' : part)).join('/');
}

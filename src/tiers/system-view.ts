import type { SystemView } from './facts.ts';
import { PROGRAM_FOLDERS } from './view.ts';

/** The host's root folder and what is mounted, as they are. */
export interface HostTree {
  /** Folders and links at the top. */
  readonly folders: readonly string[];
  readonly links: readonly { readonly at: string; readonly to: string }[];
  /** In the order they were mounted. */
  readonly mountPoints: readonly string[];
  readonly hostname: string;
  /** Folders of the product's own. */
  readonly states: readonly string[];
  /** A link is none. */
  readonly isFolder: (path: string) => boolean;
  /** The dynamic loaders of this machine, without links. */
  readonly loaders: readonly string[];
}

/** At the top a compartment has these of its own, or must not have them: other people's homes, what runs, what is nobody's. */
const OWN: readonly string[] = [
  ...['/dev', '/proc', '/sys', '/run', '/tmp', '/etc', '/home', '/root', '/workspace', '/knowledge', '/shared'],
  '/lost+found',
];
/** File systems mounted below these are the system's and stay while it runs. Any other mount (a stick, a container's layers, another
 *  agent's disk) is left out: what is there under it shows instead, and its owner can take it off at any time. */
const SYSTEM = /^\/(usr|opt)\/|^\/var\/(lib|log|cache|opt|mail|spool)$/;
/** Places where running programs leave their sockets. */
const RUNNING: readonly string[] = ['/var/run', '/var/lock'];
/** Where shared libraries are (file-hierarchy(7)); /opt holds what brings its own. */
const LIBRARY_FOLDERS: readonly string[] = [
  ...['', '/usr', '/usr/local'].flatMap((above) => ['/lib', '/lib32', '/lib64', '/libx32'].map((name) => above + name)),
  '/opt',
];

export function systemView({ folders, links, mountPoints, states, isFolder, hostname, loaders }: HostTree): SystemView {
  const top = folders.filter((path) => !OWN.includes(path));
  const inSight = (path: string): boolean => top.some((folder) => path.startsWith(`${folder}/`));
  const below = (path: string): boolean => states.some((state) => `${path}/`.startsWith(`${state}/`));
  const mounted = mountPoints.filter((path) => SYSTEM.test(path) && inSight(path) && !below(path) && isFolder(path));
  return {
    folders: [...top, ...new Set(mounted)].sort(),
    links: links.filter(({ at }) => !OWN.includes(at)),
    libraries: LIBRARY_FOLDERS.filter((at) => isFolder(at) && (top.includes(at) || inSight(at))),
    programFolders: PROGRAM_FOLDERS.filter((at) => isFolder(at) && inSight(at)),
    loaders,
    closed: [...states, ...RUNNING.filter(isFolder)].filter(inSight),
    hostname,
    varTmp: isFolder('/var/tmp') && top.includes('/var'),
  };
}

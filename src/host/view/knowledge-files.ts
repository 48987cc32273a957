import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../files/mounts.ts';

export interface KnowledgeEntry {
  readonly name: string;
  readonly path: string;
  readonly is: 'file' | 'folder';
  /** Whose file it was when the fleet was planned. */
  readonly uid: number;
}

/** Brings the folder that is shown as /knowledge up to date: an empty folder for each folder entry, where the compartment mounts the
 *  real one, and each file entry as a hard link to the file as it is now, or as a copy where it is on another file system.
 *  @returns the names that were renewed */
export function renewKnowledge(folder: string, entries: readonly KnowledgeEntry[]): string[] {
  for (const name of readdirSync(folder))
    if (!entries.some((entry) => entry.name === name)) removeTree(join(folder, name));
  return entries
    .filter((entry) => (entry.is === 'folder' ? renewFolder(folder, entry) : renewFile(folder, entry)))
    .map(({ name }) => name);
}

function renewFolder(folder: string, { name }: KnowledgeEntry): boolean {
  const at = join(folder, name);
  if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) return false;
  rmSync(at, { force: true });
  mkdirSync(at, { mode: 0o755 });
  return true;
}

/** An entry whose file is gone keeps its last content until there is one again. A file that others may not read is shown as a
 *  copy that they may: the operator put it on the list. Only while it belongs to whom it did then, lest a link or another file in
 *  its place make us read out what the operator could not. */
function renewFile(folder: string, { name, path, uid }: KnowledgeEntry): boolean {
  const source = opened(path);
  if (source === undefined) return false;
  try {
    const stat = fstatSync(source);
    const at = join(folder, name);
    const shown = lstatSync(at, { throwIfNoEntry: false });
    const open = (stat.mode & 0o004) !== 0;
    if (!stat.isFile() || (!open && stat.uid !== uid) || (shown && isCurrent(shown, stat, open))) return false;
    if (shown?.isDirectory()) removeTree(at);
    const next = join(folder, `.${name}.next`);
    rmSync(next, { force: true });
    if (!open || !linked(path, next, stat)) copy(source, next, stat);
    renameSync(next, at);
    return true;
  } finally {
    closeSync(source);
  }
}

/** Undefined: nothing is there now, or a link. */
function opened(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw error;
  }
}

function isCurrent(shown: Stats, source: Stats, open: boolean): boolean {
  if (shown.ino === source.ino && shown.dev === source.dev) return open;
  return shown.isFile() && shown.mtime.getTime() === source.mtime.getTime() && shown.size === source.size;
}

/** False where no link can be made: another file system, too many links. Between opening and linking another file may have come. */
function linked(path: string, next: string, source: Stats): boolean {
  try {
    linkSync(path, next);
    const made = lstatSync(next);
    if (made.ino === source.ino && made.dev === source.dev) return true;
    rmSync(next);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK' && code !== 'ENOENT') throw error;
    return false;
  }
}

function copy(source: number, next: string, { atime, mtime }: Stats): void {
  copyFileSync(`/proc/self/fd/${source}`, next, constants.COPYFILE_EXCL);
  const fd = openSync(next, 'r');
  try {
    fchmodSync(fd, 0o444);
    futimesSync(fd, atime, mtime);
  } finally {
    closeSync(fd);
  }
}

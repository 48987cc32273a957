import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';

export interface KnowledgeEntry {
  readonly name: string;
  readonly path: string;
  readonly is: 'file' | 'folder';
}

/** Brings the folder that is shown as /knowledge up to date: an empty folder for each folder entry, where the compartment mounts the
 *  real one, and each file entry as a hard link to the file as it is now, or as a copy where it is on another file system.
 *  @returns the names that were renewed */
export function renewKnowledge(folder: string, entries: readonly KnowledgeEntry[]): string[] {
  for (const name of readdirSync(folder))
    if (!entries.some((entry) => entry.name === name)) rmSync(join(folder, name), { recursive: true, force: true });
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

/** An entry whose file is gone keeps its last content until there is one again. */
function renewFile(folder: string, { name, path }: KnowledgeEntry): boolean {
  const at = join(folder, name);
  const source = statSync(path, { throwIfNoEntry: false });
  const shown = lstatSync(at, { throwIfNoEntry: false });
  if (!source?.isFile()) return false;
  if (shown && shown.ino === source.ino && shown.dev === source.dev) return false;
  if (shown && shown.dev !== source.dev && shown.mtimeMs === source.mtimeMs && shown.size === source.size) return false;
  if (shown?.isDirectory()) rmSync(at, { recursive: true });
  const next = join(folder, `.${name}.next`);
  rmSync(next, { force: true });
  linkOrCopy(path, next, source);
  renameSync(next, at);
  return true;
}

function linkOrCopy(path: string, next: string, source: { atime: Date; mtime: Date }): void {
  try {
    linkSync(path, next);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    copyFileSync(path, next);
    utimesSync(next, source.atime, source.mtime);
  }
}

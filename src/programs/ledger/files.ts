import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files that must outlast a loss of power: a file's bytes need fsync, its name needs fsync of the folder (fsync(2)). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Replaces a file as a whole: readers and a crash see the old one or the new one. */
export async function replaceFile(path: string, bytes: string | Buffer, mode = 0o600): Promise<void> {
  const next = `${path}.next`;
  await writeSynced(next, bytes, mode);
  await rename(next, path);
  await syncFolder(dirname(path));
}

/** Writes a file that nobody relies on yet. The name is durable only after `syncFolder` of its folder. */
export async function writeSynced(path: string, bytes: string | Buffer, mode = 0o600): Promise<void> {
  const file = await open(path, 'w', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the folder of `path` below `root`, and adds every folder whose names changed to `touched`. */
export async function makeFolderFor(root: string, path: string, touched: Set<string>): Promise<void> {
  const folder = dirname(join(root, path));
  touched.add(folder);
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let at = folder; at.length >= dirname(first).length; at = dirname(at)) touched.add(at);
}

/** @returns undefined where there is no such file */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function removeIfThere(path: string): Promise<void> {
  await rm(path, { force: true });
}

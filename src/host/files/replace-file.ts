import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Replaces a file as a whole: readers, and whoever comes after a crash or a loss of power, see the old one or the new one; the new one
 *  once this has returned (fsync(2): of the file for its bytes, of the folder for its name).
 *  @param mode  of the new file, less the umask */
export function replaceFile(path: string, bytes: string | Uint8Array, mode: number = 0o600): void {
  writeFileSync(`${path}.next`, bytes, { mode, flush: true });
  renameSync(`${path}.next`, path);
  syncFolder(dirname(path));
}

/** What was made, renamed or removed in it is on disk. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

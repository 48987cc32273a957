import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { flock } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/** Takes an exclusive lock (flock(2)) for as long as this process lives; the kernel releases it however the process ends.
 *  @returns whether we have it */
export function lockFile(path: string): boolean {
  const fd = openSync(path, 'a+', 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd);
    return false;
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return true;
}

/** Locks a folder without leaving anything in it, for as long as this process lives.
 *  @returns whether we have it */
export function lockFolder(path: string): boolean {
  const fd = openSync(path, 'r');
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  closeSync(fd);
  return false;
}

/** Whether somebody holds the lock now. Takes it for a moment if nobody does. */
export function isLocked(path: string): boolean {
  const fd = openSync(path, 'a+', 0o600);
  try {
    return flock(fd, LOCK_EX | LOCK_NB) !== 0;
  } finally {
    closeSync(fd);
  }
}

/** The process that says it has the lock; undefined when the file names none. */
export function lockHolder(path: string): number | undefined {
  const pid = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
  return pid > 0 ? pid : undefined;
}

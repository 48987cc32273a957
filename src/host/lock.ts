import { openSync } from 'node:fs';
import { flock } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/** Takes an exclusive lock (flock(2)) for as long as this process lives; the kernel releases it however the process ends.
 *  @returns whether we have it */
export function lockFile(path: string): boolean {
  const fd = openSync(path, 'w', 0o600);
  return flock(fd, LOCK_EX | LOCK_NB) === 0;
}

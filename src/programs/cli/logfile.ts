import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

const MOST_BYTES = 4 * 1024 * 1024;

/** The end of a log, read from the state itself: for when the warden, whose log says why, does not run. The folder is root's, and
 *  so are the names in it. @returns undefined when there is no such log, or it is not ours to read */
export function lastLines(state: string, subject: string, most: number): string[] | undefined {
  for (const path of [join(state, 'logs', `${subject}.log`), join(state, 'logs/agents', `${subject}.log`)]) {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      continue;
    }
    try {
      const { size } = fstatSync(fd);
      const bytes = Buffer.alloc(Math.min(size, MOST_BYTES));
      const got = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
      const lines = bytes.toString('utf8', 0, got).split('\n');
      if (lines.at(-1) === '') lines.pop();
      return lines.slice(Math.max(0, lines.length - most));
    } finally {
      closeSync(fd);
    }
  }
  return undefined;
}

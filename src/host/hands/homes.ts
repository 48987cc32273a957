import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { mayBeHome, octal } from '../../plan/homes.ts';
import type { Hand, Of } from './hand.ts';

/** Homes of people, closed to all but their owner and group. A home belongs to somebody else, who may change anything below and
 *  beside it at any moment: it is reached folder by folder from the root, never through a link, and changed by its descriptor. */
export const homes: Hand<Of<'home'>> = {
  observe(what) {
    const mode = withHome(what.path, (fd) => octal(fstatSync(fd).mode));
    return mode === what.mode ? what : undefined; // another mode is its owner's doing since, or was never changed
  },
  make(what) {
    const found = withHome(what.path, (fd) => setMode(fd, what.was, what.mode));
    if (found === undefined || (found !== what.was && found !== what.mode))
      throw new Failure(
        'home-changed',
        `${what.path} is not what it was when this was planned (mode ${found ?? 'none: it is no folder any more'}, not ${what.was}).`,
        'Run the command again: it is planned anew.',
      );
  },
  remove(what) {
    withHome(what.path, (fd) => setMode(fd, what.mode, what.was));
  },
};

/** @returns the mode it had */
function setMode(fd: number, from: string, to: string): string {
  const found = octal(fstatSync(fd).mode);
  if (found === from) fchmodSync(fd, Number.parseInt(to, 8));
  return found;
}

/** @returns what `act` does, or undefined where the path is no plain folder: something on the way is a link, or nothing is there
 *  @throws RangeError for a folder of the system */
export function withHome<T>(path: string, act: (fd: number) => T): T | undefined {
  if (!mayBeHome(path)) throw new RangeError(`${path} is nobody's home`);
  let fd = openSync('/', WAY);
  try {
    for (const name of path.slice(1).split('/')) {
      const next = openSync(`/proc/self/fd/${fd}/${name}`, WAY);
      closeSync(fd);
      fd = next;
    }
    return act(fd);
  } catch (error) {
    if (!NOT_THERE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  } finally {
    closeSync(fd);
  }
}

const WAY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** ELOOP and ENOTDIR: a link (open(2), O_NOFOLLOW together with O_DIRECTORY). */
const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

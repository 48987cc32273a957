import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { flock } from '../libc.ts';

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

/** The file that lckpwdf(3) makes and useradd(8) locks, by fcntl(2), which flock(2) does not see: it is there already, or made by
 *  the first user that is added, and stays where it is. Whoever may open it could hold it for ever: it is root's alone. */
const ACCOUNTS = '/etc/.pwd.lock';

/** Takes the machine's accounts; the kernel gives them back with this process, however it ends.
 *  @returns what gives them back before; undefined when somebody else has them
 *  @throws Failure `lock-open` when somebody besides root could hold them */
export function lockAccounts(path: string = ACCOUNTS): (() => void) | undefined {
  const fd = openSync(path, 'a', 0o600);
  const { uid, mode } = fstatSync(fd);
  if (uid !== 0 || (mode & 0o077) !== 0) {
    closeSync(fd);
    throw new Failure(
      'lock-open',
      `Somebody besides root may open ${path}, and could keep every up of this machine waiting.`,
      `Make it root's alone: chown root:root ${path} && chmod 600 ${path}`,
      3,
    );
  }
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return () => closeSync(fd);
  closeSync(fd);
  return undefined;
}

import { openSync } from 'node:fs';
import { join } from 'node:path';
import { errno, flock } from '../../host/libc.ts';
import { Failure } from '../../model/failure.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/** One writer per folder: held until the process ends, whichever way it ends (flock(2)).
 *  @throws Failure `ledger-in-use` */
export function lockFolder(dir: string): void {
  const fd = openSync(join(dir, 'lock'), 'a', 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return;
  throw new Failure(
    'ledger-in-use',
    `Another process writes the ledger in ${dir} (errno ${errno()}).`,
    'Only one may. End it, or wait for it to end.',
    3,
  );
}

import { errno } from '../libc.ts';
import { openTree } from './libc-gate.ts';

const AT_FDCWD = -100;
/** open_tree(2), since Linux 5.2. */
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;

/** A mount of this folder that is attached nowhere: what is opened in it has names that begin there, for every process, as if the
 *  folder were its root (readlink of /proc/PID/exe and /proc/PID/fd). No mount namespace changes; it is gone with the last file that
 *  is open in it. The caller owns the descriptor. Needs CAP_SYS_ADMIN. */
export function detachedTree(folder: string): number {
  const fd = openTree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0) throw new Error(`open_tree of ${folder} failed with errno ${errno()}`);
  return fd;
}

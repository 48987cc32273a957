import { existsSync, readdirSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';

/** Reads a folder of the state by itself, which only its owner or root may.
 *  @throws Failure `no-ledger`, exit 2; `needs-root`, exit 3 */
export async function ours<T>(dir: string, use: () => Promise<T>): Promise<T> {
  try {
    readdirSync(dir);
    return await use();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      throw new Failure(
        'needs-root',
        `${dir} may be read only by root and by its owner`,
        'Run it as root: sudo bulkhead ...',
        3,
      );
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !existsSync(dir))
      throw new Failure(
        'no-ledger',
        `there is no ledger in ${dir}`,
        'Name the folder of a ledger, or use --state DIR.',
      );
    throw error;
  }
}

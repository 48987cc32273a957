import { Failure } from '../../model/failure.ts';

/** What the kernel refuses for want of space is nothing that we could have done right.
 *  @returns a Failure instead of such an error, and any other as it is */
export function mendable(error: unknown, what: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EROFS') return error;
  return new Failure(
    'no-space',
    `There is no ${code === 'EROFS' ? 'writable disk' : 'space left'} for: ${what}`,
    'Free some and run the command again, or use a state on a larger disk: --state DIR',
    3,
  );
}

import { errno, prctl } from '../libc.ts';

/** prctl(2): no core of this process is written, and no other process of its user may look into its memory (ptrace(2), "Ptrace access mode
 *  checking"). Lost at the next execve. */
const PR_SET_DUMPABLE = 4;

export function becomeUndumpable(): void {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) !== 0) throw new Error(`prctl failed with errno ${errno()}`);
}

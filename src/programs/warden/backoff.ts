/** How long to wait before starting again what has ended: doubling from a fifth of a second to half a minute, and from the
 *  beginning once it has lived for a minute. */
const FIRST_MS = 200;
const LONGEST_MS = 30_000;
const SETTLED_MS = 60_000;

export interface Attempts {
  /** Starts in a row that did not last. */
  readonly inARow: number;
  readonly total: number;
}

export const NO_ATTEMPTS: Attempts = { inARow: 0, total: 0 };

/** @param livedMs  how long the last start lasted */
export function nextAttempt(before: Attempts, livedMs: number): { attempts: Attempts; waitMs: number } {
  const inARow = livedMs >= SETTLED_MS ? 1 : before.inARow + 1;
  const waitMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** (inARow - 1));
  return { attempts: { inARow, total: before.total + 1 }, waitMs };
}

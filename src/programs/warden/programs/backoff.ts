/** How long to wait before starting again what has ended: doubling from a tenth of a second to ten seconds, and from the
 *  beginning once it has lived for five: what dies once is back at once, what cannot live does not take the machine's time. */
const FIRST_MS = 100;
const LONGEST_MS = 10_000;
const SETTLED_MS = 5_000;

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

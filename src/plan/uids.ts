/** Uids of agents. Every uid ever given out stays with its agent's name; none is given to another, so that files left anywhere
 *  never come to belong to somebody new (attack 106). */
export const FIRST_UID = 47_000;
export const LAST_UID = 48_999;

export interface UidBook {
  /** FLEET/AGENT to uid, for all there ever were. */
  readonly given: Readonly<Record<string, number>>;
}

/** @param taken  uids that other users or subordinate ranges of this machine hold
 *  @throws RangeError when the range is used up */
export function giveUids(book: UidBook, keys: readonly string[], taken: ReadonlySet<number>): UidBook {
  const given: Record<string, number> = { ...book.given };
  let next = Math.max(FIRST_UID - 1, ...Object.values(given)) + 1;
  for (const key of keys) {
    if (given[key] !== undefined) continue;
    while (taken.has(next)) next++;
    if (next > LAST_UID) throw new RangeError('no uid is left for another agent');
    given[key] = next++;
  }
  return { given };
}

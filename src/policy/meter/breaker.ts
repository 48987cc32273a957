import type { Repeats } from '../../model/budget.ts';

/** How long a loop is refused once it was seen; it ends by itself. */
export const REST_MS: number = 5 * 60_000;
/** A request that only reads may be repeated so many times as often: whoever waits for something asks again and again. */
export const READING = 10;
const MOST_KINDS = 2048;

interface Seen {
  /** Counted in two halves of the window, so that it slides well enough with two numbers. */
  before: number;
  now: number;
  half: number;
  restsUntil: number;
}

/** Sees loops: the same request so many times in so much time. Times come in as arguments; memory is bounded, the oldest kind of
 *  request is forgotten first. */
export class Breaker {
  readonly #seen = new Map<string, Seen>();

  /** One more. @param same  equal for equal requests
   *  @returns until when it is refused; `first`: nobody has heard of this loop yet */
  count(
    same: string,
    { times, ms }: Repeats,
    now: number,
  ): { readonly until: number; readonly first: boolean } | undefined {
    const half = Math.floor(now / (ms / 2));
    const seen = this.#seen.get(same) ?? { before: 0, now: 0, half, restsUntil: 0 };
    this.#seen.delete(same);
    if (this.#seen.size >= MOST_KINDS) this.#forget();
    this.#seen.set(same, seen);
    if (now < seen.restsUntil) return { until: seen.restsUntil, first: false };
    if (half !== seen.half) {
      seen.before = half === seen.half + 1 ? seen.now : 0;
      seen.now = 0;
      seen.half = half;
    }
    if (seen.before + seen.now >= times) {
      Object.assign(seen, { before: 0, now: 0, restsUntil: now + REST_MS });
      return { until: seen.restsUntil, first: true };
    }
    seen.now += 1;
    return undefined;
  }

  /** How many kinds of request are refused now. */
  resting(now: number): number {
    return [...this.#seen.values()].filter(({ restsUntil }) => now < restsUntil).length;
  }

  #forget(): void {
    for (const key of this.#seen.keys()) {
      this.#seen.delete(key);
      return;
    }
  }
}

/** What reads does not change anything: RFC 9110, section 9.2.1. */
export function onlyReads(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

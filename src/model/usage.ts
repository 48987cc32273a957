import type { Cap } from './budget.ts';

/** What one agent used on one day of the machine's clock, as `bulkhead usage --json` gives it. */
export interface UsageEntry {
  readonly agent: string;
  /** YYYY-MM-DD */
  readonly day: string;
  /** A connection that passed unread is one. */
  readonly requests: number;
  /** Bytes. */
  readonly up: number;
  readonly down: number;
  readonly runs: number;
  /** As answers of models said; `input` without what a cache gave. */
  readonly tokens: {
    readonly input: number;
    readonly output: number;
    readonly cacheWrite: number;
    readonly cacheWriteHour: number;
    readonly cacheRead: number;
  };
  /** Answers that said so. */
  readonly answers: number;
  /** Answers that did not say it to the end; their tokens are at most so many, which is what counts against a cap. */
  readonly unsaid: { readonly answers: number; readonly atMost: number };
  /** Dollars, of what has a known price. */
  readonly money: number;
  /** Models without one: what they cost is not in `money`. */
  readonly unpriced: readonly { readonly model: string; readonly answers: number }[];
  /** Refused by a cap, or as a loop. */
  readonly refused: number;
  /** Today's. `limit` with what people have added; money in micro-dollars. */
  readonly caps: readonly {
    readonly cap: Cap;
    readonly used: number;
    readonly limit: number;
    readonly more: number;
  }[];
  /** Today: requests that are refused now as loops, of so many kinds. */
  readonly loops?: number;
}

export interface UsageDocument {
  readonly usage: readonly UsageEntry[];
}

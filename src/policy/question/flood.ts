/** How many questions one agent may put to people: a burst, then so many an hour, and so many that wait at once. What is beyond is
 *  refused unasked, and counted into one finding. `atOnce`: attempts whose turn has not come yet. */
export const FLOOD = { burst: 20, perHour: 60, waiting: 30, atOnce: 100 } as const;

/** A token bucket; `at` is milliseconds since 1970. */
export interface Bucket {
  readonly left: number;
  readonly at: number;
}

export function fullBucket(now: number): Bucket {
  return { left: FLOOD.burst, at: now };
}

/** @param waiting  questions of the agent that nobody has answered yet
 *  @returns the bucket after it, or why nothing more is asked */
export function take(bucket: Bucket, waiting: number, now: number): Bucket | string {
  if (waiting >= FLOOD.waiting) return `${waiting} questions of it wait already`;
  const passed = Math.max(0, now - bucket.at);
  const left = Math.min(FLOOD.burst, bucket.left + (passed / 3_600_000) * FLOOD.perHour);
  return left >= 1 ? { left: left - 1, at: now } : 'it has asked too much in too short a time';
}

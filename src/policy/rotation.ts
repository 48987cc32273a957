/** When a new value is due. */
export type Due = 'no' | 'due' | 'overdue';

/** It is due for the last tenth of its time, at most two weeks. */
const MOST_NOTICE_MS = 14 * 86_400_000;

/** @param since  when the value came, @param every  how old it may get, @param now  all milliseconds */
export function rotationDue(since: number, every: number, now: number): Due {
  const left = since + every - now;
  if (left <= 0) return 'overdue';
  return left <= Math.min(every / 10, MOST_NOTICE_MS) ? 'due' : 'no';
}

/** How long ago, in the one unit that matters. @param ms  milliseconds; below zero: the two clocks disagree */
export function age(ms: number): string {
  if (!Number.isFinite(ms)) return 'at an unknown time';
  if (ms < -2000) return 'in the future, by this clock';
  return ms < 1000 ? 'just now' : `${span(ms)} ago`;
}

/** A length of time: `12 s`, `5 min`, `3 h`, `2 days`. Rounded down: never longer than it was. */
export function span(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** Figures out of samples; nothing here touches the world. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  /** First and third quartile: between them lies the middle half, the spread that the table shows. */
  readonly low: number;
  readonly high: number;
  readonly p99: number;
}

/** @throws RangeError without a sample */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (part: number): number => quantile(sorted, part);
  return { count: sorted.length, median: at(0.5), low: at(0.25), high: at(0.75), p99: at(0.99) };
}

/** Between two neighbours it interpolates (Hyndman and Fan's type 7). @param sorted  ascending */
export function quantile(sorted: readonly number[], part: number): number {
  if (sorted.length === 0) throw new RangeError('no samples');
  const at = (sorted.length - 1) * part;
  const [below = 0, above = 0] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

/** What a figure has to be. `times` is relative to the peer of the line that is named first, the others are in the line's unit. */
export type Target =
  | { readonly atMost: number }
  | { readonly under: number }
  | { readonly timesAtMost: number }
  | { readonly timesAtLeast: number }
  | { readonly none: true };

export type Verdict = 'met' | 'missed' | 'not measured' | 'no target';

/** @param ratio  ours by the peer's; undefined where there is no figure of the peer */
export function judge(target: Target, ours: number | undefined, ratio: number | undefined): Verdict {
  if ('none' in target) return 'no target';
  if (ours === undefined) return 'not measured';
  if ('atMost' in target) return ours <= target.atMost ? 'met' : 'missed';
  if ('under' in target) return ours < target.under ? 'met' : 'missed';
  if (ratio === undefined) return 'not measured';
  if ('timesAtMost' in target) return ratio <= target.timesAtMost ? 'met' : 'missed';
  return ratio >= target.timesAtLeast ? 'met' : 'missed';
}

export function targetText(target: Target, unit: string): string {
  if ('none' in target) return '-';
  if ('atMost' in target) return `<= ${target.atMost} ${unit}`;
  if ('under' in target) return `< ${target.under} ${unit}`;
  return 'timesAtMost' in target ? `<= ${target.timesAtMost}x` : `>= ${target.timesAtLeast}x`;
}

/** Three digits that count. */
export function shortly(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return String(Math.round(value));
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

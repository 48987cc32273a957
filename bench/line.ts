import { judge, type Summary, shortly, summarize, type Target, targetText, type Verdict } from './stats.ts';

/** One figure of ours beside those of the peers. */
export interface Line {
  readonly what: string;
  readonly unit: string;
  readonly ours: Summary | undefined;
  readonly peers: readonly Peer[];
  readonly target: Target;
  readonly ratio: number | undefined;
  readonly verdict: Verdict;
  /** Why it is missed, or what one must know to read it. */
  readonly note?: string;
}

export interface Peer {
  readonly name: string;
  readonly figure?: Summary;
  /** Set instead of a figure: why there is none. */
  readonly why?: string;
}

/** Samples of one peer, or the reason that there are none. */
export type Samples = readonly number[] | string;

/** @param peers  the first is the one that the target compares with */
export function line(
  what: string,
  unit: string,
  target: Target,
  ours: readonly number[],
  peers: Readonly<Record<string, Samples>> = {},
  note?: string,
): Line {
  const figures = Object.entries(peers).map(([name, samples]): Peer => {
    if (typeof samples === 'string') return { name, why: samples };
    return samples.length === 0 ? { name, why: 'nothing measured' } : { name, figure: summarize(samples) };
  });
  const mine = ours.length === 0 ? undefined : summarize(ours);
  const [first] = figures;
  const ratio = mine && first?.figure ? mine.median / first.figure.median : undefined;
  const verdict = judge(target, mine?.median, ratio);
  return { what, unit, ours: mine, peers: figures, target, ratio, verdict, ...(note === undefined ? {} : { note }) };
}

/** The table as Markdown, one line a figure: medians, the middle half in brackets. */
export function table(lines: readonly Line[]): string {
  const head = ['what', 'Bulkhead', 'beside', 'ratio', 'target', 'verdict'];
  const rows = lines.map(({ what, unit, ours, peers, ratio, target, verdict, note }) => [
    `${what} (${unit})`,
    ours ? figure(ours) : '-',
    peers.map((peer) => `${peer.name} ${peer.figure ? figure(peer.figure) : `(${peer.why})`}`).join('; ') || '-',
    ratio === undefined ? '-' : shortly(ratio),
    targetText(target, unit),
    note === undefined ? verdict : `${verdict}: ${note}`,
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function figure({ count, median, low, high }: Summary): string {
  return count === 1 ? shortly(median) : `${shortly(median)} [${shortly(low)}-${shortly(high)}]`;
}

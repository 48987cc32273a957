/** What people type who know other tools, and what they mean here. */
const OURS: Readonly<Record<string, string>> = {
  ps: 'status',
  ls: 'status',
  list: 'status',
  top: 'status',
  stats: 'status',
  info: 'status',
  inspect: 'map',
  exec: 'run',
  attach: 'shell',
  enter: 'shell',
  ssh: 'shell',
  start: 'up',
  apply: 'up',
  deploy: 'up',
  create: 'up',
  install: 'up',
  diff: 'plan',
  validate: 'plan',
  config: 'plan',
  rm: 'down',
  destroy: 'down',
  purge: 'down',
  kill: 'stop',
  freeze: 'pause',
  suspend: 'pause',
  unpause: 'resume',
  thaw: 'resume',
  unfreeze: 'resume',
  continue: 'resume',
  reload: 'restart',
  log: 'logs',
  tail: 'logs',
  journal: 'ledger tail',
  events: 'ledger tail',
  history: 'ledger tail',
  audit: 'ledger tail',
  verify: 'ledger verify',
  test: 'drill',
  check: 'doctor',
  health: 'doctor',
  version: '--version',
};

/** @returns the one of `known` that was probably meant, if any is near enough to say so */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const ours = Object.hasOwn(OURS, lower) ? OURS[lower] : undefined;
  if (ours !== undefined && (known.includes(ours) || ours.startsWith('--'))) return ours;
  const near = known
    .map((name) => ({ name, distance: name.startsWith(lower) && lower.length > 1 ? 1 : distance(lower, name) }))
    .filter(({ name, distance: d }) => d <= Math.max(1, Math.floor(Math.min(name.length, lower.length) / 3)))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return near[0]?.name;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each costing 1. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

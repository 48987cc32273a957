import type { Path } from './shown.ts';

/** What a fleet.yaml will say in later versions. It is refused by name, with its place: nothing is accepted and then ignored. */

const OF_AGENTS: readonly string[] = [
  'harness',
  'model',
  'presets',
  'mail',
  'shares',
  'sockets',
  'manages',
  'heartbeat',
  'hours',
  'notify',
];

const KEYS: readonly (readonly [where: RegExp, keys: readonly string[]])[] = [
  [/^$/, ['hosts', 'ask', 'budget', 'presets', 'secrets']],
  [/^defaults$/, ['secrets']],
  [/^operators\/[^/]+$/, ['telegram']],
  [/^(?:defaults|agents\/[^/]+)$/, OF_AGENTS],
];

const VALUES: readonly (readonly [where: RegExp, values: readonly string[]])[] = [
  [/^(?:defaults|agents\/[^/]+)\/tier$/, ['container', 'vm']],
];

/** @param path  of the mapping the key stands in */
export function isLaterKey(path: Path, key: string): boolean {
  return KEYS.some(([where, keys]) => where.test(path.join('/')) && keys.includes(key));
}

export function isLaterValue(path: Path, value: unknown): boolean {
  return VALUES.some(([where, values]) => where.test(path.join('/')) && values.includes(value as string));
}

/** The second line for something of a later version. */
export function laterHint(key: string): string {
  if (key === 'harness') return 'Take it out and give the program itself: command: [PROGRAM, ARGUMENT, ...].';
  if (key === 'secrets') return 'A secret belongs to one agent: write it under agents.NAME.secrets.';
  return 'Take it out: this version would not act on it, so it is refused rather than ignored.';
}

import type { Bounds } from './bounds.ts';
import { entries, members, text, whole, wrong } from './strict.ts';

/** What an agent may use up in a day. Absent: no cap. */
export interface Budget {
  /** Requests; a connection that passes unread is one. */
  readonly requests?: number;
  /** Bytes up and down together. */
  readonly bytes?: number;
  /** Starts of its command, and commands that operators run in its compartment. */
  readonly runs?: number;
  /** Tokens of every kind together. */
  readonly tokens?: number;
  /** Micro-dollars. */
  readonly money?: number;
  /** A cap that is reached is asked about. */
  readonly ask?: true;
  /** The same request so many times within so many milliseconds is a loop; null: none is. Absent: BREAKER. */
  readonly repeats?: Repeats | null;
}

export interface Repeats {
  readonly times: number;
  readonly ms: number;
}

export const CAPS = ['requests', 'bytes', 'runs', 'tokens', 'money'] as const;
export type Cap = (typeof CAPS)[number];

/** Beyond it a sum is not exact any more. */
export const CAP: Bounds = { least: 1, most: 10 ** 15 };
export const REPEATS: { readonly times: Bounds; readonly ms: Bounds } = {
  times: { least: 2, most: 100_000 },
  ms: { least: 1000, most: 3_600_000 },
};
export const BREAKER: Repeats = { times: 20, ms: 120_000 };

/** What a model costs: micro-dollars per million tokens. `model` may have `*` in it. */
export interface Price {
  readonly model: string;
  readonly input: number;
  readonly output: number;
  readonly cacheWrite?: number;
  readonly cacheRead?: number;
}

/** A hundred thousand dollars a million tokens. */
const PRICE: Bounds = { least: 0, most: 10 ** 11 };
export const MODEL_PATTERN: RegExp = /^[A-Za-z0-9*][A-Za-z0-9*._:/@-]{0,99}$/;

export function budget(raw: unknown, at: string): Budget {
  const given = members(raw, at, [], [...CAPS, 'ask', 'repeats']);
  if (Object.hasOwn(given, 'ask') && given.ask !== true) throw wrong(`${at}.ask`, 'is not true');
  const caps = CAPS.filter((cap) => Object.hasOwn(given, cap)).map((cap) => [
    cap,
    whole(given[cap], `${at}.${cap}`, CAP),
  ]);
  return {
    ...(Object.fromEntries(caps) as Budget),
    ...(given.ask === true && { ask: true }),
    ...(Object.hasOwn(given, 'repeats') && { repeats: repeats(given.repeats, `${at}.repeats`) }),
  };
}

function repeats(raw: unknown, at: string): Repeats | null {
  if (raw === null) return null;
  const { times, ms } = members(raw, at, ['times', 'ms']);
  return { times: whole(times, `${at}.times`, REPEATS.times), ms: whole(ms, `${at}.ms`, REPEATS.ms) };
}

export function prices(raw: unknown, at: string): readonly Price[] {
  return entries(raw, at, price, 200);
}

function price(raw: unknown, at: string): Price {
  const given = members(raw, at, ['model', 'input', 'output'], ['cacheWrite', 'cacheRead']);
  const amount = (key: string): number => whole(given[key], `${at}.${key}`, PRICE);
  return {
    model: text(given.model, `${at}.model`, 'a model', (name) => MODEL_PATTERN.test(name)),
    input: amount('input'),
    output: amount('output'),
    ...(Object.hasOwn(given, 'cacheWrite') && { cacheWrite: amount('cacheWrite') }),
    ...(Object.hasOwn(given, 'cacheRead') && { cacheRead: amount('cacheRead') }),
  };
}

import { type Budget, CAPS, type Cap } from '../../model/budget.ts';
import { type DayUsage, NO_MODEL, unknownPrices, used } from './day.ts';
import type { Prices } from './prices.ts';

/** More of one cap for one day, as a person has said. `upTo` is the whole, not what was added. */
export interface Allowance {
  /** The question's number. */
  readonly id: number;
  readonly cap: Cap;
  readonly day: string;
  readonly upTo: number;
}

/** Why nothing more goes out today. `cap`: the one that is reached; absent: it cannot be kept. */
export interface Spent {
  readonly cap: Cap;
  readonly why: string;
  /** What an agent is told to do about it, unless somebody is asked. */
  readonly ask: string;
  /** Reached; else it cannot be known whether it is. */
  readonly reached?: { readonly used: number; readonly limit: number };
}

/** Caps that only what is read can be held against. */
export const READ_CAPS: readonly Cap[] = ['tokens', 'money'];

export function limitOf(budget: Budget, cap: Cap, day: string, allowances: readonly Allowance[]): number | undefined {
  const own = budget[cap];
  if (own === undefined) return undefined;
  return Math.max(own, ...allowances.filter((one) => one.cap === cap && one.day === day).map(({ upTo }) => upTo));
}

/** What stops the next request (or, of the cap runs, the next run), judged before it goes out.
 *  @param caps  those that it would count against */
export function spent(
  budget: Budget,
  day: DayUsage,
  prices: Prices,
  allowances: readonly Allowance[],
  caps: readonly Cap[] = CAPS,
): Spent | undefined {
  if (!caps.some((cap) => budget[cap] !== undefined)) return undefined; // nearly always
  const now = used(day, prices);
  for (const cap of caps) {
    const limit = limitOf(budget, cap, day.day, allowances);
    if (limit === undefined) continue;
    if (now[cap] >= limit) {
      const why = `its budget of ${amount(cap, limit)} for ${day.day} is used up (${amount(cap, now[cap])})`;
      return { cap, why, ask: 'wait for tomorrow, or ask your operator for more', reached: { used: now[cap], limit } };
    }
    const [unknown] = cap === 'money' ? unknownPrices(day, prices) : [];
    if (unknown) return unpriced(unknown.model);
  }
  return undefined;
}

/** A cap in money that cannot be kept is not open. */
export function unpriced(model: string | undefined): Spent {
  if (model === undefined || model === NO_MODEL) {
    const why = 'the request does not name its model, so its budget in money cannot be kept';
    return { cap: 'money', why, ask: 'name the model in the request' };
  }
  const why = `the price of the model ${model} is not known, so its budget in money cannot be kept`;
  return {
    cap: 'money',
    why,
    ask: `your operator adds it to fleet.yaml: prices: { "${model}": { input: ..., output: ... } }`,
  };
}

export function amount(cap: Cap, value: number): string {
  if (cap === 'money') return dollars(value);
  if (cap === 'bytes') return sized(value);
  return `${value.toLocaleString('en-US')} ${value === 1 ? cap.slice(0, -1) : cap}`;
}

/** As fleet.yaml has it: 2M tokens. */
export function brief(cap: Cap, value: number): string {
  if (cap === 'money' || cap === 'bytes') return amount(cap, value);
  const [unit, by] = (
    [
      ['M', 1_000_000],
      ['K', 1000],
    ] as const
  ).find(([, by]) => value % by === 0) ?? ['', 1];
  return `${value / by}${unit} ${value === 1 ? cap.slice(0, -1) : cap}`;
}

/** Micro-dollars as dollars: to the cent, or as far as it takes to show something. */
export function dollars(micro: number): string {
  const digits = micro === 0 || micro >= 10_000 ? 2 : 6;
  return `$${(micro / 1_000_000).toFixed(digits)}`;
}

export function sized(bytes: number): string {
  const units = [bytes === 1 ? 'byte' : 'bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
}

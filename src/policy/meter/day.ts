import { CAPS, type Cap } from '../../model/budget.ts';
import type { Prices } from './prices.ts';
import { NO_TOKENS, sum, type Tokens, total } from './tokens.ts';
import type { Usage } from './usage-reader.ts';

/** What an agent has used on one day. Plain data: it is kept as JSON. */
export interface DayUsage {
  /** YYYY-MM-DD, the machine's own day. */
  readonly day: string;
  readonly requests: number;
  readonly up: number;
  readonly down: number;
  readonly runs: number;
  /** As the answers said. */
  readonly tokens: Tokens;
  /** Answers that said how many. */
  readonly answers: number;
  /** Answers that did not say to the end, and the most that their tokens can be: one a byte. */
  readonly unsaid: { readonly answers: number; readonly input: number; readonly output: number };
  /** Micro-dollars of what has a price. */
  readonly money: number;
  /** Of models without a price, by name: how many answers, and their tokens. */
  readonly unpriced: Readonly<Record<string, { readonly answers: number; readonly tokens: Tokens }>>;
  /** Refused by a cap or by the breaker. */
  readonly refused: number;
  /** Caps of which a person has heard. */
  readonly told: readonly Cap[];
}

/** Names of models come from answers: no more than so many are kept apart. */
const MOST_MODELS = 20;
const OTHERS = '(others)';
export const NO_MODEL = '(not named)';

export function emptyDay(day: string): DayUsage {
  return {
    day,
    requests: 0,
    up: 0,
    down: 0,
    runs: 0,
    tokens: NO_TOKENS,
    answers: 0,
    unsaid: { answers: 0, input: 0, output: 0 },
    money: 0,
    unpriced: {},
    refused: 0,
    told: [],
  };
}

/** The day on this machine's clock, as its people call it. */
export function localDay(now: number): string {
  const at = new Date(now);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** When that day ends; milliseconds since 1970. */
export function dayEnd(now: number): number {
  const at = new Date(now);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + 1).getTime();
}

/** The answer to a call of a model: what it said, or where it did not, what it can be at most.
 *  @param body  bytes of the request's and of the answer's body */
export function withAnswer(
  day: DayUsage,
  usage: Usage,
  asked: string | undefined,
  body: { readonly up: number; readonly down: number },
  prices: Prices,
): DayUsage {
  const said = usage.tokens ?? NO_TOKENS;
  // What was said so far holds; beyond it there may be as many as there were bytes.
  const input = usage.final || total({ ...said, output: 0 }) > 0 ? 0 : body.up;
  const output = usage.final ? 0 : Math.max(0, body.down - said.output);
  const tokens = { ...said, input: said.input + input, output: said.output + output };
  const model = [usage.model, asked].find((name) => name !== undefined && prices.knows(name)) ?? usage.model ?? asked;
  const cost = prices.cost(model, tokens);
  return {
    ...day,
    tokens: sum(day.tokens, said),
    ...(usage.final
      ? { answers: day.answers + 1 }
      : {
          unsaid: {
            answers: day.unsaid.answers + 1,
            input: day.unsaid.input + input,
            output: day.unsaid.output + output,
          },
        }),
    ...(cost === undefined
      ? { unpriced: withModel(day.unpriced, model ?? NO_MODEL, tokens) }
      : { money: day.money + cost }),
  };
}

function withModel(unpriced: DayUsage['unpriced'], model: string, tokens: Tokens): DayUsage['unpriced'] {
  const name = Object.hasOwn(unpriced, model) || Object.keys(unpriced).length < MOST_MODELS ? model : OTHERS;
  const before = Object.hasOwn(unpriced, name) ? unpriced[name] : undefined;
  const after = { answers: (before?.answers ?? 0) + 1, tokens: sum(before?.tokens ?? NO_TOKENS, tokens) };
  return { ...unpriced, [name]: after };
}

/** What counts against each cap. Money of models that have got a price since is in it. */
export function used(day: DayUsage, prices: Prices): Readonly<Record<Cap, number>> {
  const later = Object.entries(day.unpriced).map(([model, { tokens }]) => prices.cost(model, tokens) ?? 0);
  return {
    requests: day.requests,
    bytes: day.up + day.down,
    runs: day.runs,
    tokens: total(day.tokens) + day.unsaid.input + day.unsaid.output,
    money: later.reduce((all, one) => all + one, day.money),
  };
}

/** Models of the day that nobody knows the price of. */
export function unknownPrices(day: DayUsage, prices: Prices): { readonly model: string; readonly answers: number }[] {
  return Object.entries(day.unpriced)
    .filter(([model]) => !prices.knows(model))
    .map(([model, { answers }]) => ({ model, answers }));
}

/** A day as it was kept; undefined for anything else. */
export function dayUsage(raw: unknown): DayUsage | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const given = raw as DayUsage;
  const count = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  const tokens = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && Object.keys(NO_TOKENS).every((kind) => count(value[kind as never]));
  const numbers = [given.requests, given.up, given.down, given.runs, given.answers, given.money, given.refused];
  if (!/^\d{4}-\d{2}-\d{2}$/.test(given.day) || !numbers.every(count) || !tokens(given.tokens)) return undefined;
  const { unsaid, unpriced, told } = given;
  if (typeof unsaid !== 'object' || ![unsaid?.answers, unsaid?.input, unsaid?.output].every(count)) return undefined;
  if (typeof unpriced !== 'object' || unpriced === null) return undefined;
  if (!Object.values(unpriced).every((one) => count(one?.answers) && tokens(one?.tokens))) return undefined;
  if (!Array.isArray(told) || !told.every((cap) => CAPS.includes(cap))) return undefined;
  return given;
}

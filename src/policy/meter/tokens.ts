/** Tokens of one answer or of many, by what is paid for them. `input` has no cached ones in it, whatever the service means by the word. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  /** Written to a cache that lives for minutes, and for an hour. */
  readonly cacheWrite: number;
  readonly cacheWriteHour: number;
  readonly cacheRead: number;
}

const KINDS_OF_TOKENS = ['input', 'output', 'cacheWrite', 'cacheWriteHour', 'cacheRead'] as const;
export const NO_TOKENS: Tokens = { input: 0, output: 0, cacheWrite: 0, cacheWriteHour: 0, cacheRead: 0 };
/** More than this no answer has; what says so is wrong. */
const MOST = 1e9;

export function sum(a: Tokens, b: Tokens): Tokens {
  return Object.fromEntries(KINDS_OF_TOKENS.map((kind) => [kind, a[kind] + b[kind]])) as unknown as Tokens;
}

export function total(tokens: Tokens): number {
  return KINDS_OF_TOKENS.reduce((all, kind) => all + tokens[kind], 0);
}

/** What the model was given to read. */
export function prompt({ input, cacheRead, cacheWrite, cacheWriteHour }: Tokens): number {
  return input + cacheRead + cacheWrite + cacheWriteHour;
}

/** A number of tokens as a service says it; undefined for anything else. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MOST ? value : undefined;
}

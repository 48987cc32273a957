/** List prices of models, in micro-dollars per million tokens, standard tier, without batch, priority, regional or tool charges. A name stands for
 *  itself and its dated versions, nothing else. Where a service's price has two values, the dearer one stands here: a cap in money
 *  is rather reached too early. */
export interface ListPrice {
  readonly models: readonly string[];
  readonly input: number;
  readonly output: number;
  readonly cacheWrite: number;
  readonly cacheWriteHour: number;
  readonly cacheRead: number;
  /** Prompts of more tokens than `above`: each price times this. */
  readonly long?: { readonly above: number; readonly input: number; readonly output: number };
}

export interface PriceList {
  readonly service: string;
  /** Where the prices are from, and when they were read. */
  readonly source: string;
  readonly date: string;
  readonly prices: readonly ListPrice[];
}

const dollars = (amount: number): number => Math.round(amount * 1_000_000);

/** Anthropic: a cache write is 1.25 times input for five minutes, twice for an hour. */
function claude(models: string, input: number, output: number, cacheRead: number): ListPrice {
  return {
    models: models.split(' '),
    input: dollars(input),
    output: dollars(output),
    cacheWrite: dollars(input * 1.25),
    cacheWriteHour: dollars(input * 2),
    cacheRead: dollars(cacheRead),
  };
}

/** One price for whatever is not read from a cache. */
function other(models: string, input: number, output: number, cacheRead: number, long?: ListPrice['long']): ListPrice {
  const write = dollars(input);
  return {
    models: models.split(' '),
    input: write,
    output: dollars(output),
    cacheWrite: write,
    cacheWriteHour: write,
    cacheRead: dollars(cacheRead),
    ...(long && { long }),
  };
}

const LONG = { above: 272_000, input: 2, output: 1.5 };
const GEMINI_LONG = { above: 200_000, input: 2, output: 1.5 };

export const PRICE_LISTS: readonly PriceList[] = [
  {
    service: 'Anthropic',
    source: 'platform.claude.com/docs/en/about-claude/pricing',
    date: '2026-10-24',
    prices: [
      claude('claude-fable-5-1 claude-mythos-5-1', 10, 50, 0.25),
      claude('claude-fable-5 claude-mythos-5', 10, 50, 1),
      claude('claude-opus-5-5', 4, 20, 0.2),
      claude('claude-opus-5 claude-opus-4-8 claude-opus-4-7 claude-opus-4-6 claude-opus-4-5', 5, 25, 0.5),
      claude('claude-opus-4-1 claude-opus-4 claude-opus-4-0 claude-3-opus', 15, 75, 1.5),
      claude('claude-sonnet-5-5', 2, 10, 0.1),
      claude('claude-sonnet-5', 2, 10, 0.2),
      claude('claude-sonnet-4-6 claude-sonnet-4-5 claude-sonnet-4 claude-sonnet-4-0 claude-3-7-sonnet', 3, 15, 0.3),
      { ...claude('claude-haiku-5-5', 0.1, 0.5, 0.01), long: { above: 100_000, input: 5, output: 5 } },
      claude('claude-haiku-4-5', 1, 5, 0.1),
      claude('claude-3-5-haiku', 0.8, 4, 0.08),
    ],
  },
  {
    // From gpt-5.6 on a cache write costs a quarter more than input, and the answer does not always say how much was written: input stands here
    // at the price of a write.
    service: 'OpenAI',
    source: 'developers.openai.com/api/docs/pricing',
    date: '2026-10-24',
    prices: [
      other('gpt-6-astra', 12.5, 50, 1, LONG),
      other('gpt-6-sol', 2.5, 10, 0.2, LONG),
      other('gpt-6.1-sol', 2.5, 10, 0.1, LONG),
      other('gpt-6-luna', 0.125, 0.5, 0.01, LONG),
      other('gpt-5.6-sol', 6.25, 30, 0.5, LONG),
      other('gpt-5.6-terra', 2.5, 12, 0.2, LONG),
      other('gpt-5.6-luna', 0.25, 1.2, 0.02, LONG),
      other('gpt-5.5', 5, 30, 0.5, LONG),
      other('gpt-5.5-pro gpt-5.4-pro', 30, 180, 3, LONG),
      other('gpt-5.4', 2.5, 15, 0.25, LONG),
      other('gpt-5.4-mini', 0.75, 4.5, 0.075),
      other('gpt-5.4-nano', 0.2, 1.25, 0.02),
      other('gpt-5.3-codex gpt-5.2-codex gpt-5.2', 1.75, 14, 0.175),
      other('gpt-5.1 gpt-5.1-codex gpt-5 gpt-5-codex', 1.25, 10, 0.125),
      other('gpt-5-mini', 0.25, 2, 0.025),
      other('gpt-5-nano', 0.05, 0.4, 0.005),
      other('gpt-5-pro', 15, 120, 15),
      other('gpt-4.1', 2, 8, 0.5),
      other('gpt-4.1-mini', 0.4, 1.6, 0.1),
      other('gpt-4.1-nano', 0.1, 0.4, 0.025),
      other('gpt-4o', 2.5, 10, 1.25),
      other('gpt-4o-mini', 0.15, 0.6, 0.075),
      other('o3', 2, 8, 0.5),
      other('o3-mini o4-mini', 1.1, 4.4, 0.55),
    ],
  },
  {
    // Flash of 3.6 to 3.8 at the price from 2027-01-01 on; before, it is half.
    service: 'Gemini',
    source: 'ai.google.dev/gemini-api/docs/pricing',
    date: '2026-10-07',
    prices: [
      other('gemini-3.8-flash gemini-3.7-flash gemini-3.6-flash', 1.5, 7.5, 0.15),
      other('gemini-3.5-flash', 1.5, 9, 0.15),
      other('gemini-3.5-flash-lite', 0.3, 2.5, 0.03),
      other('gemini-3.1-pro', 2, 12, 0.2, GEMINI_LONG),
      other('gemini-2.5-pro', 1.25, 10, 0.125, GEMINI_LONG),
      other('gemini-2.5-flash', 1, 2.5, 0.1),
      other('gemini-2.5-flash-lite', 0.3, 0.4, 0.03),
    ],
  },
];

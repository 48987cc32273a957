import type { Price } from '../../model/budget.ts';
import { type ListPrice, PRICE_LISTS } from './price-list.ts';
import { prompt, type Tokens } from './tokens.ts';

/** A version of a model, behind its name: a date, or that it is the latest or a preview. */
const VERSION =
  /^(?:[-@](?:[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{3}|latest|preview|preview-[0-9]{2}-(?:[0-9]{2}|[0-9]{4})))?$/;

type Rate = Omit<ListPrice, 'models'>;

/** Finds what a model costs: the operator's own prices first, in their order, then the list. */
export class Prices {
  readonly #own: readonly { readonly model: RegExp; readonly rate: Rate }[];

  constructor(own: readonly Price[] = []) {
    this.#own = own.map((price) => ({ model: pattern(price.model), rate: rateOf(price) }));
  }

  knows(model: string): boolean {
    return this.#rate(model) !== undefined;
  }

  /** Micro-dollars, rounded up; undefined for a model whose price nobody has said. */
  cost(model: string | undefined, tokens: Tokens): number | undefined {
    const rate = model === undefined ? undefined : this.#rate(model);
    if (rate === undefined) return undefined;
    const long = rate.long !== undefined && prompt(tokens) > rate.long.above ? rate.long : { input: 1, output: 1 };
    const read =
      tokens.input * rate.input +
      tokens.cacheWrite * rate.cacheWrite +
      tokens.cacheWriteHour * rate.cacheWriteHour +
      tokens.cacheRead * rate.cacheRead;
    return Math.ceil((read * long.input + tokens.output * rate.output * long.output) / 1_000_000);
  }

  #rate(model: string): Rate | undefined {
    const name = model.replace(/^models\//, '');
    return this.#own.find((one) => one.model.test(name))?.rate ?? listed(name);
  }
}

function listed(name: string): Rate | undefined {
  for (const { prices } of PRICE_LISTS)
    for (const price of prices)
      for (const model of price.models)
        if (name.startsWith(model) && VERSION.test(name.slice(model.length))) return price;
  return undefined;
}

function pattern(model: string): RegExp {
  const escaped = model.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`);
}

/** What an operator does not say costs as much as input. */
function rateOf({ input, output, cacheWrite = input, cacheRead = input }: Price): Rate {
  return { input, output, cacheWrite, cacheWriteHour: cacheWrite, cacheRead };
}

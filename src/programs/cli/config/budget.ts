import { within } from '../../../model/bounds.ts';
import { type Budget, CAP, CAPS, type Cap, type Price, REPEATS, type Repeats } from '../../../model/budget.ts';
import type { EgressRule } from '../../../model/fleet.ts';
import type { SecretBinding } from '../../../model/secret-binding.ts';
import { ruleText } from '../../../policy/egress.ts';
import { READ_CAPS } from '../../../policy/meter/caps.ts';
import { isModelHost } from '../../../policy/meter/model-calls.ts';
import { areRead, hasTerms } from '../../../policy/request-rules.ts';
import { milliseconds, UNITS } from './amounts.ts';
import type { BudgetInFile, PricesInFile } from './file.ts';
import { type Path, pathText, quoted } from './shown.ts';
import type { Where } from './where.ts';

const COUNT: Readonly<Record<string, number>> = { K: 1000, M: 1000 ** 2, G: 1000 ** 3 };

/** The caps of an agent, each its own or the default's. One that needs answers to be read must be able to see them all.
 *  @returns undefined where nobody says anything */
export function budgetOf(
  where: Where,
  agent: Path,
  own: BudgetInFile | undefined,
  defaults: BudgetInFile | undefined,
  egress: readonly EgressRule[],
  secrets: readonly SecretBinding[],
): Budget | undefined {
  if (own === undefined && defaults === undefined) return undefined;
  const given = <K extends keyof BudgetInFile>(key: K): BudgetInFile[K] => own?.[key] ?? defaults?.[key];
  const at = (key: keyof BudgetInFile): Path => [...(own?.[key] === undefined ? ['defaults'] : agent), 'budget', key];
  const caps = CAPS.flatMap((cap): [Cap, number][] => {
    const text = given(cap);
    if (text === undefined) return [];
    const value = amountOf(cap, text);
    if (within(value, CAP)) return [[cap, value]];
    throw where.document.failure(
      'out-of-range',
      at(cap),
      `${quoted(text)} is no cap, in ${pathText(at(cap))}`,
      value < 1 ? 'Write more than nothing; an agent that may reach nobody needs no egress.' : 'Leave it out for none.',
    );
  });
  for (const [cap] of caps) if (READ_CAPS.includes(cap)) mustBeRead(where, at(cap), agent, cap, egress, secrets);
  const text = given('repeats');
  const repeats = text === undefined ? undefined : repeatsOf(where, at('repeats'), text);
  return {
    ...(Object.fromEntries(caps) as Budget),
    ...(given('ask') && { ask: true as const }),
    ...(repeats !== undefined && { repeats }),
  };
}

/** Micro-dollars for money. */
function amountOf(cap: Cap, text: string): number {
  const amount = text.slice(0, -'/day'.length);
  if (cap === 'money') return Math.round(Number(amount.slice(1)) * 1_000_000);
  const unit = /[KMGT]$/.exec(amount)?.[0];
  if (unit === undefined) return Number(amount);
  return Number(amount.slice(0, -1)) * ((cap === 'bytes' ? UNITS : COUNT)[unit] ?? Number.NaN);
}

function repeatsOf(where: Where, at: Path, text: string): Repeats | null {
  if (text === 'any') return null;
  const [times = '', span = ''] = text.split('/');
  const repeats = { times: Number(times), ms: milliseconds(span) ?? Number.NaN };
  if (within(repeats.times, REPEATS.times) && within(repeats.ms, REPEATS.ms)) return repeats;
  const hint = 'Write 2 to 100000 of the same request in 1s to 1h; or any, for no limit.';
  throw where.document.failure('out-of-range', at, `${quoted(text)} is out of range, in ${pathText(at)}`, hint);
}

/** Only connections on which a secret goes out, or whose rules are about requests, are read. A cap that would not see what it is to bound is no cap. */
function mustBeRead(
  where: Where,
  at: Path,
  agent: Path,
  cap: Cap,
  egress: readonly EgressRule[],
  secrets: readonly SecretBinding[],
): void {
  const unread = egress.find(
    ({ host, port }) =>
      isModelHost(host) &&
      !secrets.some((one) => one.host === host && one.port === port) &&
      !areRead(egress, { host, port, literal: false }),
  );
  if (unread !== undefined)
    throw where.document.failure(
      'not-read',
      at,
      `${pathText(at)} cannot be kept: what ${pathText(agent)} does at ${ruleText(unread)} is not read`,
      `Bind its key there: secrets: { VARIABLE: { secret: NAME, to: ${quoted(unread.host)} } }; or cap requests instead.`,
    );
  // What all agents have by default, one that uses no model has too.
  if (secrets.length > 0 || egress.some(hasTerms) || at[0] === 'defaults') return;
  throw where.document.failure(
    'not-read',
    at,
    `${pathText(at)} cannot be kept: no connection of ${pathText(agent)} is read, so its ${cap === 'money' ? 'spending' : 'tokens'} cannot be counted`,
    'Bind the key of its model: secrets: { ANTHROPIC_API_KEY: NAME }; or cap requests or runs instead.',
  );
}

export function pricesOf(given: PricesInFile): Price[] {
  const micro = (dollars: number): number => Math.round(dollars * 1_000_000);
  return Object.entries(given).map(([model, price]) => ({
    model,
    input: micro(price.input),
    output: micro(price.output),
    ...(price['cache-write'] !== undefined && { cacheWrite: micro(price['cache-write']) }),
    ...(price['cache-read'] !== undefined && { cacheRead: micro(price['cache-read']) }),
  }));
}

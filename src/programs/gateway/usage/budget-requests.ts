import { Failure } from '../../../model/failure.ts';
import { agentName } from '../../../model/names.ts';
import type { Allowance } from '../../../policy/meter/caps.ts';
import { budgetTerms } from '../../../policy/question/budget.ts';
import type { Gateway } from '../gateway.ts';

type Body = Readonly<Record<string, unknown>>;

/** What the warden asks about budgets: what people have given, whether something may be run, and what was used. */
export const BUDGET_REQUESTS: Readonly<Record<string, (gateway: Gateway, body: Body) => unknown>> = {
  allowances: (gateway, body) => gateway.allow(listOf(body.allowances).map(readAllowance)),
  run: (gateway, body) => gateway.run(agentName(body.agent)),
  usage: (gateway, body) =>
    gateway.usage(body.agent === undefined ? undefined : agentName(body.agent), Number(body.days ?? 1)),
};

function readAllowance(raw: unknown): Allowance & { readonly agent: string } {
  const { id, agent } = (raw ?? {}) as Body;
  const terms = budgetTerms(raw);
  if (terms && Number.isSafeInteger(id)) return { id: id as number, agent: agentName(agent), ...terms };
  throw malformed();
}

function listOf(raw: unknown): readonly unknown[] {
  if (Array.isArray(raw)) return raw;
  throw malformed();
}

function malformed(): Failure {
  const hint = 'The programs may be of different versions; run bulkhead up again.';
  return new Failure('malformed', 'what came is no list of allowances', hint, 2);
}

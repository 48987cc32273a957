import { createHash } from 'node:crypto';
import { within } from '../../model/bounds.ts';
import { CAP, CAPS, type Cap } from '../../model/budget.ts';
import { canonicalJson } from '../../model/canonical.ts';
import type { AgentName } from '../../model/names.ts';
import type { Subject } from '../../model/question.ts';
import { amount } from '../meter/caps.ts';

/** A question for more of one cap on one day: as much again. The numbers are the gateway's, never the agent's. */
export interface BudgetTerms {
  readonly cap: Cap;
  readonly day: string;
  /** The whole that would be allowed. */
  readonly upTo: number;
}

export function budgetSubject(agent: AgentName, { cap, day, upTo }: BudgetTerms): Subject {
  const terms = { cap, day, upTo };
  const digest = createHash('sha256')
    .update(canonicalJson({ kind: 'budget', ...terms }))
    .digest('hex');
  return { agent, kind: 'budget', digest, shown: `up to ${amount(cap, upTo)} on ${day}`, terms };
}

/** @returns undefined for what are no such terms */
export function budgetTerms(raw: unknown): BudgetTerms | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { cap, day, upTo } = raw as Partial<BudgetTerms>;
  if (!CAPS.includes(cap as Cap) || typeof day !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  return typeof upTo === 'number' && within(upTo, CAP) ? { cap: cap as Cap, day, upTo } : undefined;
}

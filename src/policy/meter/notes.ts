import type { BudgetNote } from '../../model/documents.ts';
import type { UsageEntry } from '../../model/usage.ts';
import { amount } from './caps.ts';

/** From this part of a cap on it is worth a line. */
const NEARLY = 0.8;

/** What `status` says of an agent's budgets: only what matters now. */
export function budgetNotesOf({ caps, loops = 0, unpriced }: UsageEntry): BudgetNote[] {
  const notes = caps
    .filter(({ used, limit }) => used >= limit * NEARLY)
    .map(({ cap, used, limit, more }): BudgetNote => {
      const over = used >= limit;
      const given = more > 0 ? `, ${amount(cap, more)} of it given today` : '';
      const text = `${amount(cap, used)} of ${amount(cap, limit)} today${given}${over ? ': what counts against it is refused' : ''}`;
      return { over, text };
    });
  const [unknown] = unpriced;
  if (unknown && caps.some(({ cap }) => cap === 'money'))
    notes.push({
      over: true,
      text: `the price of the model ${unknown.model} is not known: calls of models are refused`,
    });
  if (loops > 0)
    notes.push({ over: true, text: `${loops === 1 ? 'one request is' : `${loops} requests are`} refused as a loop` });
  return notes;
}

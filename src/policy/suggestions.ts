import type { Question } from '../model/question.ts';
import { ruleText } from './egress.ts';
import { startsOthers } from './launchers.ts';
import { destinationTerms } from './question/destination.ts';

/** A line of fleet.yaml that would save an operator from being asked again. It is only ever proposed. */
export interface Suggestion {
  /** Of the last question that it comes from. */
  readonly id: number;
  readonly agent: string;
  /** Below the agent: `['egress']`, `['exec', 'allow']`. */
  readonly key: readonly string[];
  /** The entry as fleet.yaml has it. */
  readonly entry: string;
  readonly line: string;
  /** How often it was approved, and used. */
  readonly approved: number;
  readonly uses: number;
}

/** What people have approved, as lines, the most approved first. What was revoked counts for nothing, and so does what was refused once
 *  after it. Programs that start others or change permissions are never among them: an approval names one command, a line would not. */
export function suggestions(questions: readonly Question[]): Suggestion[] {
  const found = new Map<string, Suggestion>();
  for (const question of [...questions].sort((a, b) => a.id - b.id)) {
    const proposal = proposed(question);
    if (proposal === undefined) continue;
    const key = `${question.agent} ${proposal.key.join('.')} ${proposal.entry}`;
    if (question.state === 'refused' || (question.state === 'withdrawn' && question.answer)) found.delete(key);
    if (question.state !== 'approved' && question.state !== 'used') continue;
    const { approved = 0, uses = 0 } = found.get(key) ?? {};
    const line = `agents.${question.agent}.${proposal.key.join('.')}: [${proposal.entry}]`;
    found.set(key, {
      ...{ id: question.id, agent: question.agent, ...proposal, line },
      ...{ approved: approved + 1, uses: uses + question.uses },
    });
  }
  return [...found.values()].sort((a, b) => b.approved - a.approved || b.uses - a.uses || a.id - b.id);
}

function proposed({ kind, terms }: Question): Pick<Suggestion, 'key' | 'entry'> | undefined {
  if (kind === 'destination') {
    const to = destinationTerms(terms);
    return to && { key: ['egress'], entry: ruleText(to) };
  }
  if (kind !== 'command' || typeof terms !== 'object' || terms === null || !('program' in terms)) return undefined;
  const { name, path, own } = terms.program as { name?: unknown; path?: unknown; own?: unknown };
  if (own === true) return undefined; // a name says nothing about what an agent makes
  if (typeof name !== 'string' || typeof path !== 'string' || !/^[A-Za-z0-9_+.-]+$/.test(name)) return undefined;
  return startsOthers(name) || startsOthers(path) ? undefined : { key: ['exec', 'allow'], entry: name };
}

import type { ApprovalEntry } from '../../model/documents.ts';
import { Failure } from '../../model/failure.ts';
import type { Scope } from '../../model/question.ts';
import type { Answer, Call } from './call.ts';
import { milliseconds } from './config/amounts.ts';
import { withWarden } from './connect.ts';
import { renderAnswered } from './render/approvals.ts';

/** `approve` and `deny`: one answer to one question. */
export async function answerQuestion(verb: 'approve' | 'deny', { operands, options, state }: Call): Promise<Answer> {
  const id = questionNumber(verb, operands[0]);
  const answer = verb === 'approve' ? 'approve' : 'refuse';
  const scope = scopeOf(verb, options);
  const question = await withWarden(
    state,
    'nothing can be answered',
    async (warden) => (await warden.call('question.answer', { question: id, answer, scope })) as ApprovalEntry,
  );
  return { document: { approval: question }, text: (screen) => renderAnswered(question, scope, screen) };
}

/** @throws Failure `usage` */
export function questionNumber(verb: string, operand: string | undefined): number {
  const id = /^#?([1-9][0-9]{0,9})$/.exec(operand ?? '')?.[1];
  if (id !== undefined) return Number(id);
  throw new Failure(
    'usage',
    `${JSON.stringify((operand ?? '').slice(0, 60))} is not the number of a question`,
    `bulkhead approvals shows the numbers; then for example: bulkhead ${verb} 3`,
  );
}

function scopeOf(verb: string, options: Call['options']): Scope {
  const { for: time, always } = options;
  if (always === true && time !== undefined)
    throw new Failure('usage', `bulkhead ${verb} takes --for or --always, not both`, 'Leave one out.');
  if (always === true) return { kind: 'always' };
  if (time === undefined) return { kind: 'once' };
  const ms = milliseconds(String(time));
  if (ms !== undefined && ms >= 1000 && ms <= 366 * 24 * 3_600_000) return { kind: 'for', ms };
  throw new Failure(
    'usage',
    `--for ${JSON.stringify(String(time).slice(0, 40))} is not a length of time`,
    'Write a whole number and a unit: 90s, 30m, 8h or 7d.',
  );
}

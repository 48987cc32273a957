import type { Answer, Question, QuestionState, Scope, Subject } from '../model/question.ts';

/** The life of a question as a pure machine: each function gives the question after the event, or why that cannot be. Times are
 *  milliseconds since 1970 and come in as arguments. */

/** How long an approval waits for the next identical attempt, when the one that asked has gone. */
const ONCE_MS: number = 60 * 60 * 1000;
/** Questions shorter than this before their deadline are about to lapse. */
export const LAPSING_MS: number = 30 * 60 * 1000;

export type Changed = { readonly ok: true; readonly question: Question } | { readonly ok: false; readonly why: string };

export function ask(subject: Subject, id: number, now: number, deadlineMs: number): Question {
  return { ...subject, id, state: 'asked', askedAt: now, deadline: now + deadlineMs, attempts: 1, uses: 0 };
}

/** The same was asked again while it waits. */
export function repeat(question: Question): Question {
  return { ...question, attempts: question.attempts + 1 };
}

export function approve(question: Question, scope: Scope, by: number, now: number): Changed {
  const until = scope.kind === 'once' ? now + ONCE_MS : end(scope, now);
  return answered(question, 'approved', { scope, by, at: now, until }, now);
}

/** `once`: the next attempt asks again. */
export function refuse(question: Question, scope: Scope, by: number, now: number): Changed {
  const until = scope.kind === 'once' ? now : end(scope, now);
  const refused = answered(question, 'refused', { scope, by, at: now, until }, now);
  return refused.ok ? changed({ ...refused.question, endedAt: now }) : refused;
}

/** One act under an approval; a single-use one is used up by it. */
export function use(question: Question, now: number): Changed {
  const current = lapse(question, now);
  if (current.state !== 'approved' || !current.answer) return cannot(`${question.id} ${stateText(current)}`);
  const uses = current.uses + 1;
  if (current.answer.scope.kind !== 'once') return changed({ ...current, uses });
  return changed({ ...current, uses, state: 'used', endedAt: now });
}

/** Taken back, by whoever asked (the agent is gone, policy no longer asks) or, once approved, by an operator: revoked. A refusal that
 *  stands is lifted: it stays refused, and no longer holds. */
export function withdraw(question: Question, now: number): Changed {
  const current = lapse(question, now);
  if (current.state === 'asked' || current.state === 'approved')
    return changed({ ...current, state: 'withdrawn', endedAt: now });
  if (current.state === 'refused' && current.answer && stands(current, now))
    return changed({ ...current, answer: { ...current.answer, until: now } });
  return cannot(`${question.id} ${stateText(current)}`);
}

/** What time alone has made of it: unanswered at its deadline, or approved and not in force any more. The same object: nothing. */
export function lapse(question: Question, now: number): Question {
  if (question.state === 'asked' && now >= question.deadline)
    return { ...question, state: 'expired', endedAt: question.deadline };
  const until = question.answer?.until ?? null;
  if (question.state !== 'approved' || until === null || now < until) return question;
  return { ...question, state: question.uses > 0 ? 'used' : 'expired', endedAt: until };
}

/** What a question that is already there means for an attempt. `none`: it must be asked anew. */
export type Standing = 'granted' | 'refused' | 'waiting' | 'none';

export function standing(question: Question, now: number): Standing {
  const current = lapse(question, now);
  if (current.state === 'approved') return 'granted';
  if (current.state === 'asked') return 'waiting';
  return stands(current, now) ? 'refused' : 'none';
}

/** Of all questions of one agent, kind and digest, the one that decides: a refusal before a grant before one that waits. */
export function deciding(
  questions: readonly Question[],
  now: number,
): { readonly standing: Standing; readonly question?: Question } {
  for (const wanted of ['refused', 'granted', 'waiting'] as const) {
    const question = questions.find((one) => standing(one, now) === wanted);
    if (question) return { standing: wanted, question };
  }
  return { standing: 'none' };
}

/** When time alone will change it next; undefined: never. */
export function nextChange(question: Question): number | undefined {
  if (question.state === 'asked') return question.deadline;
  return question.state === 'approved' ? (question.answer?.until ?? undefined) : undefined;
}

/** The end of a sentence that begins with the number. */
function stateText({ state, answer }: Question): string {
  const texts: Record<QuestionState, string> = {
    asked: 'waits for an answer',
    approved: 'is approved already',
    refused: answer?.until === null ? 'is refused always' : 'was refused',
    expired: answer ? 'was approved, and its time has passed' : 'was not answered by its deadline, which is no',
    withdrawn: answer ? 'was revoked' : 'was withdrawn',
    used: 'was approved and has been used',
  };
  return texts[state];
}

function answered(question: Question, state: 'approved' | 'refused', answer: Answer, now: number): Changed {
  const current = lapse(question, now);
  if (current.state !== 'asked') return cannot(`${question.id} ${stateText(current)}`);
  if (answer.scope.kind === 'for' && !(Number.isSafeInteger(answer.scope.ms) && answer.scope.ms > 0))
    return cannot('the time it is for is no time');
  return changed({ ...current, state, answer });
}

function stands({ state, answer }: Question, now: number): boolean {
  return state === 'refused' && answer !== undefined && (answer.until === null || now < answer.until);
}

function end(scope: Exclude<Scope, { kind: 'once' }>, now: number): number | null {
  return scope.kind === 'always' ? null : now + scope.ms;
}

function changed(question: Question): Changed {
  return { ok: true, question };
}

function cannot(why: string): Changed {
  return { ok: false, why };
}

import type { Question } from '../model/question.ts';
import { redactArgv, redactText, redactWord } from './command/redact.ts';
import { shown } from './display.ts';
import { type CommandTerms, shownCommand } from './question/command.ts';
import { type ElevatedTerms, shownElevated } from './question/elevated.ts';

/** What the operator's command gets as one line of JSON on its standard input, and a webhook of kind `json` as its body. It tells; nothing
 *  in it lets anybody answer. */
export interface Notice {
  /** `asked`: a question waits. `lapsing`: one is about to be no, unanswered. `finding`: something to look at. */
  readonly about: 'asked' | 'lapsing' | 'finding';
  readonly fleet: string;
  readonly agent?: string;
  /** Of a question. */
  readonly id?: number;
  readonly kind?: string;
  readonly digest?: string;
  readonly expiresAt?: string;
  /** One line of visible characters, for a person. */
  readonly text: string;
}

const LONGEST = 500;

/** A question as the record and notices have it: without what looks like a secret. */
export function publicText({ kind, shown, terms }: Pick<Question, 'kind' | 'shown' | 'terms'>): string {
  if (kind === 'elevated') {
    const outside = terms as unknown as ElevatedTerms;
    return redactText(shownElevated({ ...outside, argv: redactArgv(outside.argv) }));
  }
  if (kind !== 'command') return redactText(shown);
  const command = terms as unknown as CommandTerms;
  const argv = redactArgv(command.argv);
  return redactText(shownCommand({ ...command, argv, environment: command.environment.map(redactWord) }));
}

export function questionNotice(about: 'asked' | 'lapsing', fleet: string, question: Question): Notice {
  const { id, agent, kind, digest, deadline } = question;
  const what = cut(publicText(question));
  const until = new Date(deadline).toISOString();
  const text =
    about === 'asked'
      ? `${agent} asks (${kind}): ${what} - question ${id}, until ${until}`
      : `Question ${id} of ${agent} is not answered, which is no at ${until} (${kind}): ${what}`;
  return { about, fleet, agent, id, kind, digest, expiresAt: until, text };
}

export function findingNotice(fleet: string, agent: string | undefined, text: string): Notice {
  return { about: 'finding', fleet, ...(agent !== undefined && { agent }), text: cut(shown(redactText(text))) };
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}... (${text.length - LONGEST} more characters)`;
}

/** What is posted to a webhook: ntfy shows the body as it is, Slack wants `{"text": ...}`, where &, < and > are its markup's. */
export function webhookBody(
  as: 'text' | 'slack' | 'json',
  notice: Notice,
): { readonly type: string; readonly body: string } {
  switch (as) {
    case 'text':
      return { type: 'text/plain; charset=utf-8', body: notice.text };
    case 'slack': {
      const text = notice.text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
      return { type: 'application/json', body: JSON.stringify({ text }) };
    }
    case 'json':
      return { type: 'application/json', body: JSON.stringify(notice) };
  }
}

/** Milliseconds to wait before each further try. */
export const RETRIES: readonly number[] = [5_000, 15_000, 60_000, 300_000, 900_000];

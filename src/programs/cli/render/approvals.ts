import type {
  ApprovalEntry,
  ApprovalsDocument,
  GrantEntry,
  GrantsDocument,
  RevokedDocument,
} from '../../../model/documents.ts';
import type { Scope } from '../../../model/question.ts';
import { age, span } from '../../../policy/age.ts';
import { shown } from '../../../policy/display.ts';
import type { Format, Screen } from '../call.ts';
import { aligned, type Cell, cell, table, wrapped } from './table.ts';

const STYLE: Readonly<Record<ApprovalEntry['state'], Format>> = {
  asked: ['yellow', 'bold'],
  approved: 'green',
  used: 'green',
  refused: 'red',
  expired: 'dim',
  withdrawn: 'dim',
};

/** What waits, each with what exactly would run, and how to answer. */
export function renderApprovals({ approvals }: ApprovalsDocument, screen: Screen): string {
  if (approvals.length === 0) return 'Nothing waits for an answer.';
  const all = approvals.some(({ state }) => state !== 'asked');
  const head = ['ID', 'AGENT', 'KIND', ...(all ? ['STATE'] : []), 'ASKED', 'UNTIL', 'WHAT'];
  const rows = approvals.map((one): Cell[] => [
    cell(String(one.id), 'bold'),
    cell(one.agent),
    cell(one.kind),
    ...(all ? [cell(one.state, STYLE[one.state])] : []),
    cell(`${age(screen.now - Date.parse(one.askedAt))}${one.attempts > 1 ? `, ${one.attempts} times` : ''}`),
    cell(left(one, screen)),
    cell(`${one.shown}  (${one.digest.slice(0, 12)})`),
  ]);
  const first = approvals.find(({ state }) => state === 'asked');
  const how =
    first && `Answer: bulkhead approve ${first.id} or bulkhead deny ${first.id}, either with --for 1h or --always`;
  return [...table(head, rows, screen), ...(how ? ['', how] : [])].join('\n');
}

/** One line a change, for `--watch`. */
export function renderChange(one: ApprovalEntry, screen: Screen): string {
  const word = one.state === 'asked' ? 'asks' : one.state;
  const rest = one.state === 'asked' ? ` (${one.digest.slice(0, 12)}; ${left(one, screen)})` : '';
  return `${one.id}  ${shown(one.agent)}  ${screen.style(STYLE[one.state], word)}  ${one.kind}  ${shown(one.shown)}${rest}`;
}

/** More of a budget is for its day, whatever is said. */
const TODAY = 'for the rest of that day';

export function renderAnswered(one: ApprovalEntry, scope: Scope, screen: Screen): string {
  const yes = one.state !== 'refused';
  const how: Record<Scope['kind'], string> =
    yes && one.kind === 'budget'
      ? { once: TODAY, for: `until ${one.expiresAt}`, always: TODAY }
      : yes
        ? { once: 'for one attempt, within an hour', for: `until ${one.expiresAt}`, always: 'always, for exactly this' }
        : { once: 'this once; the next attempt asks again', for: 'for that time, unasked', always: 'always, unasked' };
  const line = `${one.id} ${yes ? 'approved' : 'refused'} ${how[scope.kind]}: ${shown(one.agent)}, ${one.kind} ${shown(one.shown)}`;
  const undo = scope.kind === 'once' ? [] : [`Take it back: bulkhead revoke ${one.id}`];
  return [...wrapped(line, Math.max(60, screen.width)), ...undo].join('\n');
}

export function renderGrants({ grants }: GrantsDocument, screen: Screen): string {
  if (grants.length === 0) return 'Nobody has approved or refused anything that is still in force.';
  const rows = grants.map((one): Cell[] => [
    cell(String(one.id), 'bold'),
    cell(one.agent),
    cell(one.kind),
    cell(one.answer, STYLE[one.answer]),
    cell(forHowLong(one, screen)),
    cell(one.answer === 'approved' ? String(one.uses) : ''),
    cell(`uid ${one.by}`),
    cell(`${one.shown}  (${one.digest.slice(0, 12)})`),
  ]);
  const lines = table(['ID', 'AGENT', 'KIND', 'ANSWER', 'FOR', 'USED', 'BY', 'WHAT'], rows, screen);
  return [...lines, '', `Take one back: bulkhead revoke ${grants[0]?.id}`].join('\n');
}

function forHowLong({ scope, until }: GrantEntry, { now }: Screen): string {
  if (until === undefined) return 'always';
  return `${scope === 'once' ? 'once, ' : ''}${span(Date.parse(until) - now)} more`;
}

export function renderRevoked(revoked: RevokedDocument, screen: Screen): string {
  const { id, ended, tested, why } = revoked;
  const thing = revoked.kind === 'command' ? 'process' : 'connection';
  const cut =
    ended === 0
      ? ''
      : ` ${ended === 1 ? `One ${thing} that ran under it was` : `${ended} ${thing}${thing.endsWith('s') ? 'es' : 's'} under it were`} ended.`;
  const what = `${id} revoked: ${shown(revoked.agent)}, ${revoked.kind} ${shown(revoked.shown)}.${cut}`;
  if (tested === undefined) return what;
  switch (tested) {
    case 'refused':
      return `${what}\nTested from inside, as the agent: refused.`;
    case 'reached':
      return `${what}\n${screen.style(['red', 'bold'], `Tested from inside, as the agent: it still got through (${shown(why ?? '')}).`)}`;
    case 'unknown':
      return `${what}\n${screen.style('yellow', `Not tested: ${shown(why ?? 'no reason was given')}.`)}`;
  }
}

/** For `status`: what waits, longest first, at most three lines. */
export function waitingLines(waiting: readonly ApprovalEntry[], screen: Screen): string[] {
  const [first] = waiting;
  if (!first) return [];
  const rows = waiting
    .slice(0, 3)
    .map((one): Cell[] => [
      cell(`  ${one.id}`, 'bold'),
      cell(one.agent),
      cell(one.kind),
      cell(left(one, screen)),
      cell(one.shown),
    ]);
  const more = waiting.length > 3 ? ` (and ${waiting.length - 3} more)` : '';
  const count = waiting.length === 1 ? 'One question waits' : `${waiting.length} questions wait`;
  return [screen.style('yellow', `${count} for an answer: bulkhead approvals${more}`), ...aligned(rows, screen)];
}

function left({ expiresAt, state }: ApprovalEntry, { now }: Screen): string {
  if (state !== 'asked' && state !== 'approved') return '-';
  const ms = Date.parse(expiresAt) - now;
  return ms > 0 ? `${span(ms)} left` : 'over';
}

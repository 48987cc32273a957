import type { ApprovalEntry, ApprovalsDocument, GrantEntry, GrantsDocument } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import type { Question, Scope } from '../../../model/question.ts';
import { suggestions } from '../../../policy/suggestions.ts';
import type { Connection, Request } from '../../../wire/serve.ts';
import { type Caller, PEOPLE } from '../caller.ts';
import { budgetScope } from './budgets.ts';
import { type Around, revoke } from './revoking.ts';

type Body = { readonly [key: string]: unknown };

/** The inbox's part of the warden's table. Who calls is the kernel's word; only people are among the callers at all. */
export function approvalRequests(around: Around): Readonly<{ [name: string]: Request<Caller> }> {
  const { inbox, destinations, budgets } = around;
  const watchers = new Set<Connection<Caller>>();
  inbox.onChange((question) => {
    for (const watcher of watchers) watcher.notify({ question: approvalEntry(question) });
  });
  return {
    approvals: {
      from: PEOPLE,
      answer: (from, connection): ApprovalsDocument => {
        inbox.mustBeThere();
        if (from.follow === true) {
          watchers.add(connection);
          connection.socket.once('close', () => watchers.delete(connection));
        }
        const wanted = from.all === true ? inbox.all().slice(-1000) : inbox.waiting();
        return { approvals: wanted.map(approvalEntry) };
      },
    },
    'question.answer': {
      from: PEOPLE,
      answer: async (from, { peer }): Promise<ApprovalEntry> => {
        const scoped = budgetScope(inbox.get(number(from)), scope(from.scope), yes(from));
        const question = await inbox.answer(number(from), yes(from), scoped, peer.uid);
        await destinations.settled();
        await budgets.settled();
        return approvalEntry(question);
      },
    },
    grants: {
      from: PEOPLE,
      answer: (): GrantsDocument => {
        inbox.mustBeThere();
        return { grants: inbox.standing().flatMap(grantEntry) };
      },
    },
    suggestions: {
      from: PEOPLE,
      answer: () => ({ source: around.fleet.wanted?.source ?? '', suggestions: suggestions(inbox.all()) }),
    },
    'grant.revoke': { from: PEOPLE, answer: (from, { peer }) => revoke(around, number(from), peer.uid) },
  };
}

export function approvalEntry(question: Question): ApprovalEntry {
  const { id, kind, agent, shown, digest, state, askedAt, deadline, attempts, answer } = question;
  const until = state === 'approved' ? (answer?.until ?? deadline) : deadline;
  const times = { askedAt: new Date(askedAt).toISOString(), expiresAt: new Date(until).toISOString() };
  return { id, kind, agent, shown, digest, state, ...times, attempts };
}

function grantEntry({ id, kind, agent, shown, digest, state, answer, uses }: Question): GrantEntry[] {
  if (!answer || (state !== 'approved' && state !== 'refused')) return [];
  const { scope, until, by, at } = answer;
  const entry = { id, kind, agent, shown, digest, answer: state, scope: scope.kind, uses, by };
  return [
    { ...entry, at: new Date(at).toISOString(), ...(until !== null && { until: new Date(until).toISOString() }) },
  ];
}

function number(from: Body): number {
  const id = from.question; // `id` is the frame's own
  if (Number.isSafeInteger(id) && (id as number) > 0) return id as number;
  throw malformed('question', 'the number of a question');
}

function yes(from: Body): boolean {
  if (from.answer === 'approve' || from.answer === 'refuse') return from.answer === 'approve';
  throw malformed('answer', 'approve or refuse');
}

const LONGEST_MS = 366 * 24 * 3600 * 1000;

function scope(raw: unknown): Scope {
  const { kind, ms } = (typeof raw === 'object' && raw !== null ? raw : {}) as Body;
  if (kind === 'once' || kind === 'always') return { kind };
  if (kind === 'for' && Number.isSafeInteger(ms) && (ms as number) >= 1000 && (ms as number) <= LONGEST_MS)
    return { kind, ms: ms as number };
  throw malformed('scope', 'once, always, or for a time of at most a year');
}

function malformed(key: string, wanted: string): Failure {
  return new Failure(
    'malformed-request',
    `${key} must be ${wanted}`,
    'The programs may be of different versions; run bulkhead up again.',
  );
}

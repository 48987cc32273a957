import { Failure } from '../../../model/failure.ts';
import type { Question, Scope, Subject } from '../../../model/question.ts';
import * as life from '../../../policy/approval.ts';
import { publicText } from '../../../policy/notice.ts';
import type { LedgerEntry, Strength } from '../../../wire/ledger-client.ts';
import { type Flood, Floods } from './floods.ts';
import type { InboxStore } from './inbox-store.ts';

/** What became of an attempt. */
export type Outcome = { readonly state: 'approved' | 'refused' | 'asked'; readonly question: Question } | Flood;

export interface Recorder {
  write(entry: LedgerEntry, strength?: Strength): Promise<void>;
  tell(entry: LedgerEntry): void;
}

/** Whoever asked, or would know: gates, and what tells people. */
export type Listener = (question: Question, was: Question | undefined) => void;

const LONGEST_TIMER = 2 ** 31 - 1;

/** The one queue of questions. The warden keeps it, because root is the one principal that no agent can be and that can also do what an
 *  answer allows. Every change goes: acknowledged by the ledger, then on disk here, then told; a death between two of these leaves the
 *  question as it was before, which allows less. One change at a time, in the order asked. */
export class Inbox {
  readonly #store: InboxStore | string;
  readonly #record: Recorder;
  readonly #clock: () => number;
  readonly #questions = new Map<number, Question>();
  /** By agent, kind and digest. */
  readonly #same = new Map<string, Map<number, Question>>();
  readonly #listeners: Listener[] = [];
  /** Something that a person should look at. */
  onFinding: (agent: string, text: string) => void = () => {};
  readonly #floods: Floods;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  /** @param store  or why there is none: then everything is refused */
  constructor(store: InboxStore | string, record: Recorder, clock: () => number = Date.now) {
    this.#store = store;
    this.#record = record;
    this.#clock = clock;
    this.#floods = new Floods(
      (entry) => record.tell(entry),
      (agent, text) => this.onFinding(agent, text),
    );
    for (const question of typeof store === 'string' ? [] : store.all()) this.#hold(question);
  }

  /** Once the ledger is there: what lapsed meanwhile is written down, and from now on as it happens. */
  begin(): void {
    if (typeof this.#store === 'string') return;
    this.#alone(async () => this.#lapse()).catch((error: Error) => {
      this.#record.tell({ event: 'inbox.failed', why: error.message });
      this.#timer = setTimeout(() => this.begin(), 60_000).unref();
    });
  }

  /** Why there is none. */
  get broken(): string | undefined {
    return typeof this.#store === 'string' ? this.#store : undefined;
  }

  /** @throws Failure `inbox-broken` */
  mustBeThere(): InboxStore {
    if (typeof this.#store !== 'string') return this.#store;
    throw broken(new Error(this.#store));
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** All that is kept, oldest first, as of now. */
  all(): Question[] {
    const now = this.#clock();
    return [...this.#questions.values()].map((question) => life.lapse(question, now));
  }

  waiting(): Question[] {
    return this.all().filter(({ state }) => state === 'asked');
  }

  /** Approvals and refusals in force. */
  standing(): Question[] {
    const now = this.#clock();
    return this.all().filter((one) => ['granted', 'refused'].includes(life.standing(one, now)));
  }

  /** @throws Failure `no-such-question` */
  get(id: number): Question {
    const question = this.#questions.get(id);
    if (question) return life.lapse(question, this.#clock());
    throw new Failure('no-such-question', `There is no question ${id}.`, 'bulkhead approvals lists what waits.', 1);
  }

  /** What decides about an attempt of this now, without making one. */
  standingOf(subject: Subject): ReturnType<typeof life.deciding> {
    return life.deciding([...(this.#same.get(sameness(subject))?.values() ?? [])], this.#clock());
  }

  /** An attempt of an agent. @throws Failure `record-failed`: refused, and nothing is asked */
  ask(subject: Subject, deadlineMs: number): Promise<Outcome> {
    return this.#floods.oneMore(subject, () => this.#ask(subject, deadlineMs));
  }

  #ask(subject: Subject, deadlineMs: number): Promise<Outcome> {
    return this.#alone(async () => {
      this.mustBeThere();
      const now = this.#clock();
      const { standing, question } = this.standingOf(subject);
      if (question && standing === 'waiting') {
        const repeated = life.repeat(question); // on disk with its next change: an agent can repeat itself as often as it likes
        this.#hold(repeated);
        return { state: 'asked', question: repeated };
      }
      if (question) return { state: standing === 'granted' ? 'approved' : 'refused', question };
      const waiting = this.waiting().filter(({ agent }) => agent === subject.agent).length;
      const flood = this.#floods.tooMany(subject, waiting, now);
      if (flood) return flood;
      const asked = life.ask(subject, this.#number(), now, deadlineMs);
      await this.#record.write({ event: 'question.asked', ...about(asked), deadline: iso(asked.deadline) });
      this.#put(asked, undefined);
      return { state: 'asked', question: asked };
    });
  }

  /** @param by  uid of an operator or root, from peer credentials; who may answer was decided at the socket
   *  @throws Failure `not-waiting` */
  answer(id: number, yes: boolean, scope: Scope, by: number): Promise<Question> {
    return this.#alone(async () => {
      const before = this.get(id);
      const changed = (yes ? life.approve : life.refuse)(before, scope, by, this.#clock());
      if (!changed.ok) throw cannot(changed.why, before);
      const { question } = changed;
      const until = question.answer?.until ?? null;
      await this.#record.write({
        ...{ event: 'question.answered', ...about(question), answer: question.state, scope: scope.kind, operator: by },
        ...(until !== null && until > this.#clock() && { until: iso(until) }),
      });
      this.#put(question, before);
      return question;
    });
  }

  /** One act under an approval, to be done when this has returned. @throws Failure `not-granted`, `record-failed`: do not act */
  use(id: number): Promise<Question> {
    return this.#alone(async () => {
      const before = this.get(id);
      const changed = life.use(before, this.#clock());
      if (!changed.ok) throw new Failure('not-granted', `Approval ${changed.why}.`, 'Ask again.', 1);
      if (before.uses > 0) {
        // Good for many, and used before: each act names the approval in the record of its own, and here they are only counted.
        this.#hold(changed.question);
        return changed.question;
      }
      await this.#record.write({ event: 'question.used', ...about(changed.question), uses: changed.question.uses });
      this.#put(changed.question, before);
      return changed.question;
    });
  }

  /** Takes back a question, an approval, or a refusal that stands. @param by  uid; undefined: it is done by the warden itself */
  withdraw(id: number, by: number | undefined, why?: string): Promise<Question> {
    return this.#alone(async () => {
      const before = this.get(id);
      const changed = life.withdraw(before, this.#clock());
      if (!changed.ok) throw cannot(changed.why, before);
      const event = before.state === 'asked' ? 'question.withdrawn' : 'grant.revoked';
      const entry = { event, ...about(before), ...(by !== undefined && { operator: by }), ...(why && { why }) };
      // To take something back never waits for a ledger: what is refused needs no record first.
      if (by === undefined) this.#record.tell(entry);
      else await this.#record.write(entry).catch(() => this.#record.tell(entry));
      this.#put(changed.question, before);
      return changed.question;
    });
  }

  #put(question: Question, was: Question | undefined): void {
    try {
      this.mustBeThere().put(question);
    } catch (error) {
      throw error instanceof Failure ? error : broken(error as Error);
    }
    this.#hold(question);
    for (const listener of this.#listeners) listener(question, was);
    this.#schedule();
  }

  #number(): number {
    try {
      return this.mustBeThere().number();
    } catch (error) {
      throw error instanceof Failure ? error : broken(error as Error);
    }
  }

  #hold(question: Question): void {
    this.#questions.set(question.id, question);
    const key = sameness(question);
    const same = this.#same.get(key) ?? new Map<number, Question>();
    this.#same.set(key, same.set(question.id, question));
  }

  #drop(id: number): void {
    const question = this.#questions.get(id);
    if (!question) return;
    this.#questions.delete(id);
    const same = this.#same.get(sameness(question));
    same?.delete(id);
    if (same?.size === 0) this.#same.delete(sameness(question));
  }

  /** What time alone has changed is written down. It holds anyway: whoever asks is told what is so now. */
  #lapse(): void {
    const now = this.#clock();
    for (const question of this.#questions.values()) {
      const lapsed = life.lapse(question, now);
      if (lapsed === question) continue;
      this.#record.tell({ event: question.state === 'asked' ? 'question.expired' : 'grant.expired', ...about(lapsed) });
      this.#put(lapsed, question);
    }
    for (const id of this.mustBeThere().forget(now, (one) => life.standing(one, now) !== 'none')) this.#drop(id);
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const next = Math.min(
      ...[...this.#questions.values()].map((one) => life.nextChange(one) ?? Number.POSITIVE_INFINITY),
    );
    if (!Number.isFinite(next)) return;
    const wait = Math.min(LONGEST_TIMER, Math.max(0, next - this.#clock()) + 1);
    this.#timer = setTimeout(() => this.begin(), wait).unref();
  }

  #alone<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => {}); // whoever asked is told
    return mine;
  }
}

function sameness({ agent, kind, digest }: Subject): string {
  return `${agent} ${kind} ${digest}`;
}

function broken(cause: Error): Failure {
  const message = `The inbox cannot be used (${cause.message}), so nothing is asked, approved or used.`;
  return new Failure('inbox-broken', message, 'Look at the disk of the state, and at: bulkhead logs warden', 1);
}

/** The record has it without what looks like a secret; the question itself, root's alone, has it all. */
function about({ id, agent, kind, digest, shown, terms, attempts }: Question): Omit<LedgerEntry, 'event'> {
  return {
    agent,
    id,
    kind,
    digest,
    shown: publicText({ kind, shown, terms }).slice(0, 2000),
    ...(attempts > 1 && { attempts }),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function cannot(why: string, { id, agent, shown, state }: Question): Failure {
  return new Failure(
    'not-waiting',
    `Question ${why} (${agent}: ${shown.slice(0, 80)}).`,
    state === 'approved' ? `To take it back: bulkhead revoke ${id}` : 'bulkhead approvals, bulkhead grants',
    1,
  );
}

import type { NotifyBy } from '../../../model/fleet.ts';
import type { Question } from '../../../model/question.ts';
import { LAPSING_MS } from '../../../policy/approval.ts';
import { findingNotice, type Notice, questionNotice, RETRIES } from '../../../policy/notice.ts';
import type { Inbox, Recorder } from './inbox.ts';

/** So many wait to be told; a person who is told more at once reads none of it. */
const MOST_WAITING = 100;
const LONGEST_TIMER = 2 ** 31 - 1;

/** How one notice is told. Rejects: it was not. */
export type Tell = (by: NotifyBy, notice: Notice) => Promise<void>;

export interface Fleet {
  readonly fleet: string;
  /** Undefined: nobody is told. */
  readonly by: NotifyBy | undefined;
}

/** Tells people that something waits. Nothing waits for it: it is a queue of its own, told one by one, each tried again a few times, with the
 *  outcome on record. */
export class Notices {
  readonly #record: Recorder;
  readonly #tell: Tell;
  readonly #fleet: () => Fleet;
  readonly #queue: { readonly notice: Notice; readonly tries: number }[] = [];
  readonly #lapsing = new Map<number, NodeJS.Timeout>();
  #busy = false;
  #dropped = 0;

  constructor(inbox: Inbox, record: Recorder, fleet: () => Fleet, tell: Tell) {
    this.#record = record;
    this.#tell = tell;
    this.#fleet = fleet;
    inbox.onChange((question, was) => {
      if (question.state !== 'asked') return this.#answered(question.id);
      if (was !== undefined) return;
      this.#add(questionNotice('asked', this.#fleet().fleet, question));
      this.#watch(question);
    });
    for (const question of inbox.waiting()) this.#watch(question);
  }

  finding(agent: string | undefined, text: string): void {
    this.#add(findingNotice(this.#fleet().fleet, agent, text));
  }

  /** A question whose whole time is shorter is not told of twice. */
  #watch(question: Question): void {
    const wait = question.deadline - LAPSING_MS - Date.now();
    if (wait <= 0) return;
    const timer = setTimeout(
      () => {
        this.#lapsing.delete(question.id);
        this.#add(questionNotice('lapsing', this.#fleet().fleet, question));
      },
      Math.min(wait, LONGEST_TIMER),
    ).unref();
    this.#lapsing.set(question.id, timer);
  }

  #answered(id: number): void {
    clearTimeout(this.#lapsing.get(id));
    this.#lapsing.delete(id);
  }

  #add(notice: Notice, tries = 0): void {
    if (this.#fleet().by === undefined) return;
    if (this.#queue.length >= MOST_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push({ notice, tries });
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) await this.#one(next.notice, next.tries);
    if (this.#dropped > 0) this.#record.tell({ event: 'notify.failed', why: 'too many at once', count: this.#dropped });
    this.#dropped = 0;
    this.#busy = false;
  }

  async #one(notice: Notice, tries: number): Promise<void> {
    const { by } = this.#fleet();
    if (by === undefined) return;
    const { about, id, agent } = notice;
    const rest = { about, ...(id !== undefined && { id }), ...(agent !== undefined && { agent }), tries: tries + 1 };
    const way = by.kind; // `by` is the ledger's own field
    try {
      await this.#tell(by, notice);
      this.#record.tell({ event: 'notify.sent', way, ...rest });
    } catch (error) {
      const wait = RETRIES[tries];
      const why = (error as Error).message.slice(0, 300);
      this.#record.tell({ event: 'notify.failed', way, ...rest, why, ...(wait === undefined && { final: true }) });
      if (wait !== undefined) setTimeout(() => this.#add(notice, tries + 1), wait).unref();
    }
  }
}

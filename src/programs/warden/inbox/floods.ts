import type { Subject } from '../../../model/question.ts';
import { type Bucket, FLOOD, fullBucket, take } from '../../../policy/question/flood.ts';
import type { LedgerEntry } from '../../../wire/ledger-client.ts';

/** It was not even asked. */
export interface Flood {
  readonly state: 'flood';
  readonly why: string;
}

/** So long one record stands for all that an agent asks too much. */
const ONE_RECORD_MS = 60_000;

/** Agents that raise more questions than people can answer: what is too much is refused, a person is told, and the record gets one entry a
 *  minute and agent. */
export class Floods {
  readonly #record: (entry: LedgerEntry) => void;
  readonly #finding: (agent: string, text: string) => void;
  /** Attempts that wait for their turn, by agent: a ledger that is slow must not fill the memory. */
  readonly #asking = new Map<string, number>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #floods = new Map<string, { count: number; readonly why: string }>();

  constructor(record: (entry: LedgerEntry) => void, finding: (agent: string, text: string) => void) {
    this.#record = record;
    this.#finding = finding;
  }

  /** Asks, unless too much of this agent's is being asked already. */
  async oneMore<T>(subject: Subject, ask: () => Promise<T>): Promise<T | Flood> {
    const { agent } = subject;
    const before = this.#asking.get(agent) ?? 0;
    if (before >= FLOOD.atOnce) return this.#flood(subject, 'it asks too much at once');
    this.#asking.set(agent, before + 1);
    try {
      return await ask();
    } finally {
      this.#asking.set(agent, (this.#asking.get(agent) ?? 1) - 1);
    }
  }

  /** Counts a new question.
   *  @param waiting  questions of this agent that nobody has answered
   *  @returns why it may not be asked */
  tooMany(subject: Subject, waiting: number, now: number): Flood | undefined {
    const bucket = take(this.#buckets.get(subject.agent) ?? fullBucket(now), waiting, now);
    if (typeof bucket === 'string') return this.#flood(subject, bucket);
    this.#buckets.set(subject.agent, bucket);
    return undefined;
  }

  #flood({ agent, kind }: Subject, why: string): Flood {
    const held = this.#floods.get(agent);
    if (held) held.count += 1;
    else {
      setTimeout(() => this.#over(agent), ONE_RECORD_MS).unref();
      this.#floods.set(agent, { count: 1, why });
      this.#record({ event: 'question.flood', agent, why, kind });
      this.#finding(agent, `${agent} raises more questions than people can answer: ${why}`);
    }
    return { state: 'flood', why };
  }

  #over(agent: string): void {
    const held = this.#floods.get(agent);
    this.#floods.delete(agent);
    if (held && held.count > 1) this.#record({ event: 'question.flood', agent, why: held.why, count: held.count });
  }
}

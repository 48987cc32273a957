import type { Entry, Recorder } from '../record/record.ts';

const FLUSH_MS = 1_000;
const MOST_KEYS = 256;

/** Writes an agent's refusals: one by one up to a rate, beyond it as counts once a second, and as counts too whatever the
 *  ledger would not take, until it does. None is lost silently; of a flood of many different ones, the sum is kept. */
export class Refusals {
  readonly #recorder: Recorder;
  readonly #agent: string;
  readonly #perSecond: number;
  #left: number;
  #refilled = 0;
  readonly #counted = new Map<string, { entry: Entry; count: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(recorder: Recorder, agent: string, perSecond: number) {
    this.#recorder = recorder;
    this.#agent = agent;
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** Resolves when the refusal is on disk, or has been counted to be written later; never rejects.
   *  @param count  of how many it tells */
  async add(entry: Entry, now: number, count: number = 1): Promise<void> {
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#refilled) / 1000) * this.#perSecond);
    this.#refilled = now;
    if (this.#left < 1 || this.#counted.size > 0) return this.#count(entry, count);
    this.#left -= 1;
    try {
      const counted = count > 1 ? { count } : {};
      await this.#recorder.append([{ ...entry, agent: this.#agent, ...counted }], 'acknowledged');
    } catch {
      this.#count(entry, count); // the refusal stands anyway; it is written when the ledger is back
    }
  }

  #count(entry: Entry, by: number): void {
    const key = JSON.stringify(entry);
    const held = this.#counted.get(key);
    if (held) held.count += by;
    else if (this.#counted.size < MOST_KEYS) this.#counted.set(key, { entry, count: by });
    else {
      const others = this.#counted.get(entry.event);
      if (others) others.count += by;
      else this.#counted.set(entry.event, { entry: { event: entry.event, others: true }, count: by });
    }
    this.#timer ??= setTimeout(() => void this.settle(), FLUSH_MS).unref();
  }

  /** Writes what was counted, if the ledger takes it. */
  async settle(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#counted.size === 0) return;
    const counted = [...this.#counted.values()];
    this.#counted.clear();
    const entries = counted.map(({ entry, count }) => ({ ...entry, agent: this.#agent, count }));
    try {
      await this.#recorder.append(entries, 'acknowledged');
    } catch {
      for (const { entry, count } of counted) this.#count(entry, count);
    }
  }
}

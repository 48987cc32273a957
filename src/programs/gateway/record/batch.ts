import { Failure } from '../../../model/failure.ts';
import type { Entry, Recorder, Strength } from './record.ts';

/** Entries in one request; with the longest request heads they stay far below the ledger's longest frame. */
const MOST_ENTRIES = 128;
/** How long what nobody waits for may wait for company. The ledger promises 20 ms to the disk. */
const SOON_MS = 5;

interface Waiting {
  readonly entries: readonly Entry[];
  readonly strength: Strength;
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
}

/** Sends as one request what was appended in one turn of the event loop, in its order. Who appended waits for the answer about
 *  their own entries: one that the ledger finds malformed costs no other its place. */
export class Batch implements Recorder {
  readonly #send: (entries: readonly Entry[], strength: Strength) => Promise<unknown>;
  #waiting: Waiting[] = [];
  #planned = false;
  #soon: NodeJS.Timeout | undefined;

  /** @param send  one request; rejects when none of its entries was written */
  constructor(send: (entries: readonly Entry[], strength: Strength) => Promise<unknown>) {
    this.#send = send;
  }

  append(entries: readonly Entry[], strength: Strength): Promise<void> {
    if (!this.#planned) {
      this.#planned = true;
      setImmediate(() => this.#flush());
    }
    return this.#wait(entries, strength);
  }

  appendSoon(entries: readonly Entry[]): Promise<void> {
    if (!this.#planned) this.#soon ??= setTimeout(() => this.#flush(), SOON_MS);
    return this.#wait(entries, 'accepted');
  }

  #wait(entries: readonly Entry[], strength: Strength): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ entries, strength, resolve, reject }));
  }

  #flush(): void {
    this.#planned = false;
    clearTimeout(this.#soon);
    this.#soon = undefined;
    let together: Waiting[] = [];
    let count = 0;
    for (const one of this.#waiting.splice(0)) {
      const fits = count + one.entries.length <= MOST_ENTRIES && one.strength === together[0]?.strength;
      if (!fits && together.length > 0) {
        void this.#sendAll(together);
        together = [];
        count = 0;
      }
      together.push(one);
      count += one.entries.length;
    }
    if (together.length > 0) void this.#sendAll(together);
  }

  async #sendAll(together: readonly Waiting[]): Promise<void> {
    const [first] = together as readonly [Waiting];
    const entries = together.length === 1 ? first.entries : together.flatMap((one) => one.entries);
    try {
      await this.#send(entries, first.strength);
    } catch (why) {
      const one = why instanceof Failure && why.code === 'bad-entry' && together.length > 1;
      for (const waiting of together) {
        if (one) void this.#sendAll([waiting]);
        else waiting.reject(why);
      }
      return;
    }
    for (const waiting of together) waiting.resolve();
  }
}

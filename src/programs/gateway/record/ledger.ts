import { inTime } from '../../../host/in-time.ts';
import { Failure } from '../../../model/failure.ts';
import { dialLedger, type LedgerClient } from '../../../wire/ledger-client.ts';
import { Batch } from './batch.ts';
import type { Entry, Recorder, Strength } from './record.ts';

const ANSWER_MS = 5_000;
const RETRY_MS = 200;

/** The ledger over its socket. A lost connection is made anew by the next append, at most every 200 ms; an append that gets no
 *  answer in 5 s counts as failed. */
export class LedgerSocket implements Recorder {
  readonly #path: string;
  readonly #batch: Batch = new Batch((entries, strength) => this.#send(entries, strength));
  #ledger: Promise<LedgerClient> | undefined;
  #failed: { readonly at: number; readonly why: Error } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  append(entries: readonly Entry[], strength: Strength): Promise<void> {
    return this.#batch.append(entries, strength);
  }

  appendSoon(entries: readonly Entry[]): Promise<void> {
    return this.#batch.appendSoon(entries);
  }

  async #send(entries: readonly Entry[], strength: Strength): Promise<unknown> {
    const ledger = await this.#connected();
    try {
      return await inTime(ledger.append(entries, strength), ANSWER_MS);
    } catch (error) {
      if (!(error instanceof Failure)) ledger.client.socket.destroy(); // late: what it still says would be taken for an answer
      throw error;
    }
  }

  #connected(): Promise<LedgerClient> {
    if (this.#ledger) return this.#ledger;
    if (this.#failed && Date.now() - this.#failed.at < RETRY_MS) return Promise.reject(this.#failed.why);
    const connecting = inTime(dialLedger(this.#path), ANSWER_MS);
    this.#ledger = connecting;
    const lost = (why: Error): void => {
      if (this.#ledger === connecting) this.#ledger = undefined;
      this.#failed = { at: Date.now(), why };
    };
    connecting.then((ledger) => {
      ledger.client.onEnd = lost;
    }, lost);
    return connecting;
  }
}

import { Failure } from '../../model/failure.ts';
import { type Client, dial } from '../../wire/client.ts';
import type { Entry, Recorder, Strength } from './record.ts';
import { inTime } from './resolve.ts';

const ANSWER_MS = 5_000;
const RETRY_MS = 200;

/** The ledger over its socket. A lost connection is made anew by the next append, at most every 200 ms; an append that gets no
 *  answer in 5 s counts as failed. */
export class LedgerSocket implements Recorder {
  readonly #path: string;
  #client: Promise<Client> | undefined;
  #failed: { readonly at: number; readonly why: Error } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async append(entries: readonly Entry[], strength: Strength): Promise<unknown> {
    const client = await this.#connected();
    try {
      return await inTime(client.call('append', { entries, strength }), ANSWER_MS);
    } catch (error) {
      if (!(error instanceof Failure)) client.socket.destroy(); // no answer, or none that can be trusted to be ours
      throw error;
    }
  }

  #connected(): Promise<Client> {
    if (this.#client) return this.#client;
    if (this.#failed && Date.now() - this.#failed.at < RETRY_MS) return Promise.reject(this.#failed.why);
    const connecting = dial(this.#path);
    this.#client = connecting;
    const lost = (why: Error): void => {
      if (this.#client === connecting) this.#client = undefined;
      this.#failed = { at: Date.now(), why };
    };
    connecting.then((client) => {
      client.onEnd = lost;
    }, lost);
    return connecting;
  }
}

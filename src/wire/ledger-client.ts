import { Failure } from '../model/failure.ts';
import { type Client, dial } from './client.ts';

/** `accepted` survives the death of every program, `acknowledged` a loss of power as well. */
export type Strength = 'accepted' | 'acknowledged';

export interface LedgerEntry {
  readonly event: string;
  readonly agent?: string;
  readonly [field: string]: unknown;
}

/** A caller's end of the ledger. It does not connect again by itself: until the caller has dialled anew every append is refused,
 *  and what may not happen unrecorded does not happen. */
export class LedgerClient {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** For requests other than `append`, and `onNotice`, `onEnd`. */
  get client(): Client {
    return this.#client;
  }

  /** @returns the index of the first entry once all have the strength asked for
   *  @throws Failure `record-failed`, `bad-entry`: do not act */
  async append(entries: readonly LedgerEntry[], strength: Strength): Promise<{ readonly index: number }> {
    try {
      return (await this.#client.call('append', { entries, strength })) as { index: number };
    } catch (error) {
      throw error instanceof Failure ? error : unreachable(error as Error);
    }
  }

  close(): void {
    this.#client.close();
  }
}

/** @throws Failure `record-failed` where nothing listens */
export async function dialLedger(path: string): Promise<LedgerClient> {
  try {
    return new LedgerClient(await dial(path));
  } catch (error) {
    throw unreachable(error as Error);
  }
}

function unreachable(cause: Error): Failure {
  const failure = new Failure(
    'record-failed',
    `The ledger cannot be reached (${cause.message}), so nothing can be recorded and nothing is allowed.`,
    'It is started again by itself; if it stays away, see: bulkhead logs ledger',
    1,
  );
  failure.cause = cause;
  return failure;
}

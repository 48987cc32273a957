import type { LedgerEntry, Strength } from '../../../wire/ledger-client.ts';

/** One line of the record, before the ledger adds index, time and writer. */
export type Entry = LedgerEntry;
export type { Strength };

/** What the gateway needs of the ledger. Both reject when the entries were not written, whatever the reason: then the act that they
 *  describe must not happen. */
export interface Recorder {
  append(entries: readonly Entry[], strength: Strength): Promise<unknown>;
  /** For what has happened and nobody waits for: `accepted`, together with the next append, or alone a few milliseconds from now. */
  appendSoon(entries: readonly Entry[]): Promise<unknown>;
}

import type { Json } from '../../model/canonical.ts';

/** One line of the record, before the ledger adds index, time and writer. */
export interface Entry {
  readonly event: string;
  readonly agent?: string;
  readonly [field: string]: Json | undefined;
}

/** `accepted`: in the log; `acknowledged`: on disk. */
export type Strength = 'accepted' | 'acknowledged';

/** What the gateway needs of the ledger. Rejects when the entries were not written, whatever the reason: then the act that they
 *  describe must not happen. */
export interface Recorder {
  append(entries: readonly Entry[], strength: Strength): Promise<unknown>;
}

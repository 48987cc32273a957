/** Shared between the gate's threads (32 bits each): lines written to the journal, and those of them on disk; how often its files took turns (the one
 *  that is written is `turn % 2`), and the turn whose predecessor is empty again. */
export const SHARED = { written: 0, synced: 1, turn: 2, emptied: 3 } as const;
export const SHARED_BYTES = 16;

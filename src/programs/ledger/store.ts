import { join } from 'node:path';
import { decodeBundle, TILE_WIDTH, tilePath } from '../../ledger/tiles.ts';
import { Failure } from '../../model/failure.ts';
import { readIfThere } from './files.ts';
import type { Tail } from './tail.ts';

/** What a reader may narrow a reading by; `event` may end in `.*`. */
export interface Wanted {
  readonly agent?: string;
  readonly event?: string;
}

export interface Found {
  readonly index: number;
  readonly entry: Record<string, unknown>;
  readonly bytes: number;
}

/** Reads entries by index: the last ones from memory, all others from their bundle, whose path follows from the index. */
export class Store {
  readonly #dir: string;
  readonly #tail: Tail;
  readonly #end: () => number;

  /** @param end  how many entries are acknowledged; more is not shown */
  constructor(dir: string, tail: Tail, end: () => number) {
    this.#dir = dir;
    this.#tail = tail;
    this.#end = end;
  }

  get size(): number {
    return this.#end();
  }

  /** The entries of one bundle's range that lie in [from, to), and those alone. */
  async #chunk(bundle: number, from: number, to: number): Promise<{ first: number; entries: Buffer[] }> {
    const start = bundle * TILE_WIDTH;
    const first = Math.max(start, from);
    const end = Math.min(start + TILE_WIDTH, to);
    if (first >= this.#tail.start) return { first, entries: this.#tail.entries(first, end) };
    const path = tilePath('entries', bundle);
    const bytes = await readIfThere(join(this.#dir, path));
    const entries = bytes && decodeBundle(bytes);
    if (entries?.length !== TILE_WIDTH)
      throw new Failure(
        'ledger-damaged',
        `The ledger's ${path} is missing or altered, so its entries cannot be shown.`,
        'Keep a copy of its folder as evidence, and see what else is wrong: bulkhead ledger verify',
        1,
      );
    return { first, entries: entries.slice(first - start, end - start) };
  }

  /** In order, from `from` up to `to` (not included). */
  async *forwards(from: number, to: number, wanted: Wanted): AsyncGenerator<Found> {
    const matches = matcher(wanted);
    for (let at = from; at < to; ) {
      const { first, entries } = await this.#chunk(Math.floor(at / TILE_WIDTH), at, to);
      for (const [i, bytes] of entries.entries()) {
        const found = matches(bytes, first + i);
        if (found) yield found;
      }
      at = first + entries.length;
    }
  }

  /** From the entry before `to` down to `from`. */
  async *backwards(from: number, to: number, wanted: Wanted): AsyncGenerator<Found> {
    const matches = matcher(wanted);
    for (let end = to; end > from; ) {
      const { first, entries } = await this.#chunk(Math.floor((end - 1) / TILE_WIDTH), from, end);
      for (let i = entries.length - 1; i >= 0; i--) {
        const found = matches(entries[i] as Buffer, first + i);
        if (found) yield found;
      }
      end = first;
    }
  }
}

/** Bytes are searched first, so that a reading of one agent's entries does not parse everybody's. */
function matcher(wanted: Wanted): (bytes: Buffer, index: number) => Found | undefined {
  const prefix = wanted.event?.endsWith('.*') ? wanted.event.slice(0, -1) : undefined;
  const needles: string[] = [];
  if (wanted.agent !== undefined) needles.push(`"agent":${JSON.stringify(wanted.agent)}`);
  if (prefix !== undefined) needles.push(`"event":${JSON.stringify(prefix).slice(0, -1)}`);
  else if (wanted.event !== undefined) needles.push(`"event":${JSON.stringify(wanted.event)}`);
  return (bytes, index) => {
    if (!needles.every((needle) => bytes.includes(needle))) return undefined;
    const entry = JSON.parse(bytes.toString()) as Record<string, unknown>;
    if (wanted.agent !== undefined && entry.agent !== wanted.agent) return undefined;
    if (prefix !== undefined && !(entry.event as string).startsWith(prefix)) return undefined;
    if (prefix === undefined && wanted.event !== undefined && entry.event !== wanted.event) return undefined;
    return { index, entry, bytes: bytes.length };
  };
}

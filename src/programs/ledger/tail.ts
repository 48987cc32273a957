import { type Hash, leafHash } from '../../ledger/tree.ts';

/** The entries that are not in a full published bundle yet, with their leaf hashes. Everything before `start` is read from
 *  files, so what is held in memory is about a second's worth. */
export class Tail {
  #start: number;
  #entries: Buffer[] = [];
  #hashes: Hash[] = [];
  #bytes = 0;

  constructor(start: number) {
    this.#start = start;
  }

  get start(): number {
    return this.#start;
  }

  /** The index of the next entry. */
  get end(): number {
    return this.#start + this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Buffer): void {
    this.#entries.push(entry);
    this.#hashes.push(leafHash(entry));
    this.#bytes += entry.length;
  }

  entries(from: number, to: number): Buffer[] {
    return this.#entries.slice(from - this.#start, to - this.#start);
  }

  hashes(from: number, to: number): Hash[] {
    return this.#hashes.slice(from - this.#start, to - this.#start);
  }

  dropBelow(index: number): void {
    const count = Math.min(Math.max(index - this.#start, 0), this.#entries.length);
    for (const entry of this.#entries.splice(0, count)) this.#bytes -= entry.length;
    this.#hashes.splice(0, count);
    this.#start += count;
  }
}

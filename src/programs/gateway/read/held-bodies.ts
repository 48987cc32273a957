/** Bodies of one agent that wait to be judged as a whole take so much memory together, over all of its connections and streams. Bytes. */
const MOST = 16 * 1024 * 1024;
const FIRST = 4096;
const NOTHING: Buffer = Buffer.alloc(0);

/** What all such bodies of an agent take. */
export class HeldBodies {
  /** Bytes. */
  taken = 0;
}

/** One of them: a buffer that grows, however small the pieces are that it comes in. */
export class HeldBody {
  readonly #all: HeldBodies;
  #bytes: Buffer = NOTHING;
  #length = 0;

  constructor(all: HeldBodies) {
    this.#all = all;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @returns false: there is no room for it */
  push(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const size = Math.max(length, 2 * this.#bytes.length, FIRST);
      const more = size - this.#bytes.length;
      if (this.#all.taken + more > MOST) return false;
      this.#all.taken += more;
      const grown = Buffer.alloc(size);
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
    return true;
  }

  /** Nobody needs it any more. */
  release(): void {
    this.#all.taken -= this.#bytes.length;
    this.#bytes = NOTHING;
    this.#length = 0;
  }
}

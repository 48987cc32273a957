import { type Pattern, Scrubber } from '../../../policy/scrub.ts';

/** Looks at what goes out, and holds the last byte back until it may. */
export class Outgoing extends Scrubber {
  readonly #length: number | undefined;
  readonly #taken: (chunk: Buffer) => void;
  readonly #completed: () => boolean;
  #passed = 0;
  #last: Buffer | undefined;

  /** @param length  of the whole, where it is known: else its end is told apart, and is not sent before `end`
   *  @param completed  asked once all of it is there: true stops it */
  constructor(
    patterns: readonly Pattern[],
    length: number | undefined,
    taken: (chunk: Buffer) => void,
    completed: () => boolean,
  ) {
    super(patterns);
    this.#length = length;
    this.#taken = taken;
    this.#completed = completed;
  }

  override push(chunk: Buffer): Buffer {
    this.#taken(chunk);
    const out = super.push(chunk);
    this.#passed += out.length;
    if (this.#length === undefined || this.#passed < this.#length || out.length === 0) return out;
    this.#last = out.subarray(-1);
    return out.subarray(0, -1);
  }

  override end(): Buffer {
    const end = super.end();
    const rest = this.#last === undefined ? end : Buffer.concat([this.#last, end]);
    if (this.found === 0 && this.#completed()) this.found = 1; // whoever passes it on stops there
    return rest;
  }
}

/** Looks at what comes back. */
export class Incoming extends Scrubber {
  readonly #taken: (chunk: Buffer) => void;
  readonly #ended: () => void;

  constructor(patterns: readonly Pattern[], taken: (chunk: Buffer) => void, ended: () => void) {
    super(patterns);
    this.#taken = taken;
    this.#ended = ended;
  }

  override push(chunk: Buffer): Buffer {
    this.#taken(chunk);
    return super.push(chunk);
  }

  override end(): Buffer {
    this.#ended();
    return super.end();
  }
}

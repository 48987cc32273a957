import { readUpTo } from '../../host/processes/process-memory.ts';

/** What a stub was started with, read from its memory, which nobody but itself can write. Bytes as they are (latin1). */
export interface Started {
  readonly argv: readonly string[];
  /** Read when it is wanted, while the stub still waits. @returns why not, where it is not whole */
  readonly environment: () => readonly string[] | string;
  /** So many were read until now. */
  readonly bytes: () => number;
}

/** execve(2): a string is at most 128 KiB; all together a quarter of the stack's limit. Who gives more than we read is refused. */
const MOST_STRINGS = 20_000;
const MOST_BYTES = 4 * 1024 * 1024;
const CHUNK = 64 * 1024;
const NO_BYTES: Buffer = Buffer.alloc(0);
/** Every window begins in here: one question is read at a time, and what was read of it is text by then. */
const room: Buffer = Buffer.alloc(CHUNK);

/** The kernel lays out arguments, environment and what points to them one after the other, so that for most one read is all.
 *  @returns why not, where it is not whole: nothing is ever judged by a part */
export function readStarted(pid: number, argv: bigint, environment: bigint): Started | string {
  const memory = new Memory(pid);
  const words = strings(memory, Number(argv), 'its arguments');
  if (typeof words === 'string') return words;
  if (words.length === 0) return 'it was started without even a name (argc 0)';
  return {
    argv: words,
    environment: () => strings(memory, Number(environment), 'its environment'),
    bytes: () => memory.taken,
  };
}

function strings(memory: Memory, at: number, what: string): string[] | string {
  const places = pointers(memory, at);
  if (typeof places === 'string') return `${what} ${places}`;
  const all: string[] = [];
  for (const place of places) {
    const text = memory.string(place);
    if (text === undefined) return `${what} cannot be read whole`;
    all.push(text);
  }
  return all;
}

/** An array of pointers that ends with a zero. */
function pointers(memory: Memory, at: number): number[] | string {
  const found: number[] = [];
  for (let from = at; ; from += 8) {
    const pointer = memory.word(from);
    if (pointer === undefined) return 'cannot be read';
    if (pointer === 0) return found;
    if (found.length === MOST_STRINGS) return `are more than ${MOST_STRINGS}`;
    found.push(pointer);
  }
}

/** A window that moves on: in chunks, each byte once as long as it goes forward. */
class Memory {
  readonly #pid: number;
  #from = 0;
  #bytes: Buffer = NO_BYTES;
  #left = MOST_BYTES;

  constructor(pid: number) {
    this.#pid = pid;
  }

  get taken(): number {
    return MOST_BYTES - this.#left;
  }

  /** Undefined where nothing is, or more than an address: no stub's memory lies beyond what a number can say exactly. */
  word(at: number): number | undefined {
    if (at < this.#from || at + 8 > this.#from + this.#bytes.length) this.#load(at);
    const start = at - this.#from;
    if (start + 8 > this.#bytes.length) return undefined;
    const pointer = this.#bytes.readUInt32LE(start) + this.#bytes.readUInt32LE(start + 4) * 2 ** 32;
    return Number.isSafeInteger(pointer) ? pointer : undefined;
  }

  /** Undefined when it has no end within what may be read. */
  string(at: number): string | undefined {
    if (at < this.#from || at >= this.#from + this.#bytes.length) this.#load(at);
    const start = at - this.#from;
    for (;;) {
      const end = this.#bytes.indexOf(0, start);
      if (end >= 0) return this.#bytes.toString('latin1', start, end);
      const before = this.#bytes.length;
      this.#more();
      if (this.#bytes.length === before) return undefined;
    }
  }

  #load(at: number): void {
    this.#from = at;
    this.#bytes = NO_BYTES;
    if (Number.isSafeInteger(at)) this.#more();
  }

  #more(): void {
    const first = this.#bytes.length === 0;
    const next = first ? room : Buffer.allocUnsafeSlow(CHUNK);
    const from = BigInt(this.#from + this.#bytes.length);
    const got = readUpTo(this.#pid, from, next, Math.min(CHUNK, this.#left));
    this.#left -= got;
    const some = next.subarray(0, got);
    this.#bytes = first ? some : Buffer.concat([this.#bytes, some]);
  }
}

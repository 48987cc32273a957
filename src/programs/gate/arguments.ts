import { readMemory, readUpTo } from '../../host/process-memory.ts';

/** What a stub was started with, read from its memory, which nobody but itself can write. Bytes as they are. */
export interface Started {
  readonly argv: readonly Buffer[];
  readonly environment: readonly Buffer[];
}

/** execve(2): a string is at most 128 KiB; all together a quarter of the stack's limit. Who gives more than we read is refused. */
const MOST_STRINGS = 20_000;
const MOST_BYTES = 4 * 1024 * 1024;
const CHUNK = 64 * 1024;

/** @returns why not, where it is not whole: nothing is ever judged by a part */
export function readStarted(pid: number, argv: bigint, environment: bigint): Started | string {
  const words = pointers(pid, argv, MOST_STRINGS);
  if (typeof words === 'string') return `its arguments ${words}`;
  if (words.length === 0) return 'it was started without even a name (argc 0)';
  const names = pointers(pid, environment, MOST_STRINGS);
  if (typeof names === 'string') return `its environment ${names}`;
  const memory = new Memory(pid);
  const all = [...words, ...names].map((at) => memory.string(at));
  const whole = all.filter((text) => text !== undefined);
  if (whole.length < all.length) return 'its arguments and environment cannot be read whole';
  return { argv: whole.slice(0, words.length), environment: whole.slice(words.length) };
}

/** An array of pointers that ends with a zero. */
function pointers(pid: number, at: bigint, most: number): bigint[] | string {
  const found: bigint[] = [];
  const chunk = Buffer.alloc(4096);
  for (let from = at; ; ) {
    const length = readMemory(pid, from, chunk, chunk.length - Number(from & 4095n)) & ~7;
    if (length === 0) return 'cannot be read';
    for (let i = 0; i < length; i += 8) {
      const pointer = chunk.readBigUInt64LE(i);
      if (pointer === 0n) return found;
      if (found.length === most) return `are more than ${most}`;
      found.push(pointer);
    }
    from += BigInt(length);
  }
}

/** Strings that lie one after the other: read in chunks, each byte once. */
class Memory {
  readonly #pid: number;
  #from = 0n;
  #bytes: Buffer = Buffer.alloc(0);
  #left = MOST_BYTES;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Undefined when it has no end within what may be read. */
  string(at: bigint): Buffer | undefined {
    const inside = at >= this.#from && at < this.#from + BigInt(this.#bytes.length);
    if (!inside) this.#load(at);
    for (;;) {
      const start = Number(at - this.#from);
      const end = this.#bytes.indexOf(0, start);
      if (end >= 0) return this.#bytes.subarray(start, end);
      const before = this.#bytes.length;
      this.#more();
      if (this.#bytes.length === before) return undefined;
    }
  }

  #load(at: bigint): void {
    this.#from = at;
    this.#bytes = Buffer.alloc(0);
    this.#more();
  }

  #more(): void {
    const next = Buffer.alloc(Math.min(CHUNK, this.#left));
    const got = readUpTo(this.#pid, this.#from + BigInt(this.#bytes.length), next, next.length);
    this.#left -= got;
    this.#bytes = Buffer.concat([this.#bytes, next.subarray(0, got)]);
  }
}

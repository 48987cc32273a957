import { fstatSync, ftruncateSync } from 'node:fs';
import { errno } from '../../host/libc.ts';
import { write } from '../../host/libc-gate.ts';

/** Nothing more is let go on while the oldest record waits longer than this for the disk. */
const LONGEST_UNSYNCED_MS = 20;
/** More than this waiting for the ledger: no exec is taken until it is less. */
const MOST_BYTES = 16 * 1024 * 1024;

const TIMES = 65_536;

/** Of one list of words, so many bytes are recorded; then their number is given. An exec may bring megabytes, and the journal is everybody's. */
const MOST_RECORDED = 16 * 1024;

/** What is let go on is recorded first: a line in a file of our own, which survives the death of every program, is synced within
 *  20 ms, and is given to the ledger in order. Shared words: 0 counts lines written, 1 those of them on disk. */
export class Journal {
  readonly #fd: number;
  readonly #shared: Int32Array;
  #bytes: number;
  #next: number;
  /** When each of the last lines was written; far more than fit into 20 ms. */
  readonly #times = new Float64Array(TIMES);
  /** For all but the longest lines. */
  readonly #room: Buffer = Buffer.alloc(3 * MOST_RECORDED);
  #second = 0;
  #prefix = '';

  /** @param next  the number of the next line, higher than any before */
  constructor(fd: number, shared: SharedArrayBuffer, next: number) {
    this.#fd = fd;
    this.#shared = new Int32Array(shared);
    this.#bytes = fstatSync(fd).size;
    this.#next = next;
  }

  /** Whether another exec may be recorded; waits a little for the disk. */
  ready(): boolean {
    const synced = Atomics.load(this.#shared, 1);
    const oldest = this.#times[synced & (TIMES - 1)] ?? 0;
    if (synced !== Atomics.load(this.#shared, 0) && performance.now() - oldest > LONGEST_UNSYNCED_MS) {
      Atomics.wait(this.#shared, 1, synced, 5);
      if (Atomics.load(this.#shared, 1) === synced) return false;
    }
    return this.#bytes < MOST_BYTES;
  }

  /** @returns the line's number. @throws when it cannot be written: the gate ends, and nothing goes on */
  write(entry: object): number {
    const n = this.#next++;
    const line = `{"n":${n},"at":"${this.#now()}",${JSON.stringify(shortened(entry)).slice(1)}\n`;
    const bytes = 3 * line.length <= this.#room.length ? this.#room : Buffer.from(line);
    const length = bytes === this.#room ? bytes.write(line) : bytes.length;
    if (write(this.#fd, bytes, length) !== length) throw new Error(`the journal was not written: errno ${errno()}`);
    this.#bytes += length;
    const written = Atomics.load(this.#shared, 0);
    this.#times[written & (TIMES - 1)] = performance.now();
    Atomics.store(this.#shared, 0, written + 1); // ours alone to count
    if (Atomics.load(this.#shared, 1) === written) Atomics.notify(this.#shared, 0); // else it looks again by itself
    return n;
  }

  /** The time, RFC 3339 to the millisecond; its seconds are worked out once. */
  #now(): string {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#prefix = new Date(1000 * second).toISOString().slice(0, 20);
    this.#second = second;
    return `${this.#prefix}${String(now - 1000 * second).padStart(3, '0')}Z`;
  }

  /** Everything up to this size is the ledger's: begins anew, unless there is more by now. */
  shorten(upTo: number): void {
    if (fstatSync(this.#fd).size !== upTo) return;
    ftruncateSync(this.#fd, 0);
    this.#bytes = 0;
  }
}

/** The first words of `argv` and `environment`, and how many there were where that is not all. */
export function shortened(entry: object): object {
  const { argv, environment } = entry as { argv?: readonly string[]; environment?: readonly string[] };
  if (fits(argv) && fits(environment)) return entry;
  return { ...entry, ...first('argv', argv), ...first('environment', environment) };
}

function fits(words: readonly string[] | undefined): boolean {
  let length = 0;
  for (const word of words ?? []) length += word.length + 1;
  return length <= MOST_RECORDED;
}

function first(name: string, words: readonly string[] | undefined): object {
  if (words === undefined) return {};
  let left = MOST_RECORDED;
  const kept: string[] = [];
  for (const word of words) {
    if (left <= 0) break;
    kept.push(word.slice(0, left));
    left -= word.length + 1;
  }
  const whole = kept.length === words.length && kept.at(-1)?.length === words.at(-1)?.length;
  return whole ? {} : { [name]: kept, [`${name}Words`]: words.length };
}

import { fstatSync } from 'node:fs';
import { write } from '../../host/gate/libc-gate.ts';
import { errno } from '../../host/libc.ts';
import { SHARED } from './journal-shared.ts';
import { bounded } from './recorded.ts';

/** Nothing more is let go on while the oldest record waits longer than this for the disk. */
const LONGEST_UNSYNCED_MS = 20;
/** Waiting for the ledger, of one agent and in all: no exec is taken until it is less. */
const MOST_OF_ONE = 4 * 1024 * 1024;
const MOST_BYTES = 64 * 1024 * 1024;
/** A file of this size is followed by the other, once that is empty. */
const TURN_BYTES = 1024 * 1024;

const TIMES = 65_536;
const LONGEST_ORDINARY = 48 * 1024;

/** What a journal goes on with. */
export interface JournalGiven {
  readonly fds: readonly [number, number];
  readonly shared: SharedArrayBuffer;
  /** The number of the next line, higher than any before. */
  readonly next: number;
  /** Bytes that an earlier gate wrote and the ledger has not got, by agent. */
  readonly left: ReadonlyMap<string, number>;
}

/** What is let go on is recorded first: a line in a file of our own, which survives the death of every program, is synced within
 *  20 ms, and is given to the ledger in order. Two files take turns, so that neither grows while the other is given away. */
export class Journal {
  readonly #fds: readonly [number, number];
  readonly #shared: Int32Array;
  readonly #waiting: Map<string, number>;
  #all: number;
  #size: number;
  #next: number;
  /** When each of the last lines was written; far more than fit into 20 ms. */
  readonly #times = new Float64Array(TIMES);
  /** For all but the longest lines. */
  readonly #room: Buffer = Buffer.alloc(LONGEST_ORDINARY);
  #second = 0;
  #prefix = '';

  constructor({ fds, shared, next, left }: JournalGiven) {
    this.#fds = fds;
    this.#shared = new Int32Array(shared);
    this.#waiting = new Map(left);
    this.#all = [...left.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#size = fstatSync(this.#now(Atomics.load(this.#shared, SHARED.turn))).size;
    this.#next = next;
  }

  /** Whether another exec of this agent may be recorded; waits a little for the disk. */
  ready(agent: string): boolean {
    const synced = Atomics.load(this.#shared, SHARED.synced);
    const oldest = this.#times[synced & (TIMES - 1)] ?? 0;
    if (synced !== Atomics.load(this.#shared, SHARED.written) && performance.now() - oldest > LONGEST_UNSYNCED_MS) {
      Atomics.wait(this.#shared, SHARED.synced, synced, 5);
      if (Atomics.load(this.#shared, SHARED.synced) === synced) return false;
    }
    return this.#all < MOST_BYTES && (this.#waiting.get(agent) ?? 0) < MOST_OF_ONE;
  }

  /** @returns the line's number. @throws when it cannot be written: the gate ends, and nothing goes on */
  write(entry: object): number {
    const n = this.#next++;
    const line = `{"n":${n},"at":"${this.#time()}",${JSON.stringify(bounded(entry)).slice(1)}\n`;
    const bytes = 3 * line.length <= this.#room.length ? this.#room : Buffer.from(line);
    const length = bytes === this.#room ? bytes.write(line) : bytes.length;
    if (write(this.#file(), bytes, length) !== length) throw new Error(`the journal was not written: errno ${errno()}`);
    this.#size += length;
    this.#count((entry as { agent?: string }).agent ?? '', length);
    const written = Atomics.load(this.#shared, SHARED.written);
    this.#times[written & (TIMES - 1)] = performance.now();
    Atomics.store(this.#shared, SHARED.written, written + 1); // ours alone to count
    if (Atomics.load(this.#shared, SHARED.synced) === written) Atomics.notify(this.#shared, SHARED.written); // else it looks again by itself
    return n;
  }

  /** So many bytes are the ledger's. */
  shipped(bytes: ReadonlyMap<string, number>): void {
    for (const [agent, some] of bytes) this.#count(agent, -some);
  }

  #count(agent: string, bytes: number): void {
    this.#all += bytes;
    const waiting = (this.#waiting.get(agent) ?? 0) + bytes;
    if (waiting > 0) this.#waiting.set(agent, waiting);
    else this.#waiting.delete(agent);
  }

  /** Where the next line goes. */
  #file(): number {
    const turn = Atomics.load(this.#shared, SHARED.turn);
    if (this.#size < TURN_BYTES || Atomics.load(this.#shared, SHARED.emptied) !== turn) return this.#now(turn);
    Atomics.store(this.#shared, SHARED.turn, turn + 1);
    this.#size = 0;
    return this.#now(turn + 1);
  }

  #now(turn: number): number {
    return this.#fds[turn % 2] as number;
  }

  /** The time, RFC 3339 to the millisecond; its seconds are worked out once. */
  #time(): string {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#prefix = new Date(1000 * second).toISOString().slice(0, 20);
    this.#second = second;
    return `${this.#prefix}${String(now - 1000 * second).padStart(3, '0')}Z`;
  }
}

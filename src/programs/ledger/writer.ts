import { type Admitted, type Writer as By, sealEntry, timeAfter } from '../../ledger/entry.ts';
import { Failure } from '../../model/failure.ts';
import { type Log, LogBroken } from './log.ts';
import type { Tail } from './tail.ts';

/** `accepted`: write(2) has returned, it survives the death of every program. `acknowledged`: it is on disk. */
export type Strength = 'accepted' | 'acknowledged';

/** Nothing more is accepted while the oldest accepted entry waits longer than this for the disk. */
const LONGEST_UNSYNCED_MS = 20;
/** What nobody waits to see on disk shares the sync of what comes within this time: a sync costs more than twenty entries. */
const SHARED_SYNC_MS = 5;
const MOST_BYTES_PER_WRITE = 4 * 1024 * 1024;
/** The ledger's memory is not for the taking: entries wait for acceptance while this much waits for publication, and are refused
 *  where this many wait for acceptance. */
const MOST_UNPUBLISHED_BYTES = 48 * 1024 * 1024;
const MOST_WAITING = 20_000;

interface Waiting {
  readonly entries: readonly Admitted[];
  readonly by: By;
  readonly strength: Strength;
  readonly resolve: (index: number) => void;
  readonly reject: (why: Failure) => void;
}

interface Unsynced {
  /** The entries below this index are acknowledged by the sync that covers them. */
  readonly end: number;
  readonly since: number;
}

export interface WriterPorts {
  readonly log: Log;
  readonly tail: Tail;
  readonly lastTime: number;
  /** Wall clock in milliseconds. */
  readonly clock: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly onAcknowledged: () => void;
  /** The log is not to be trusted any more: end the process. Every caller has been refused. */
  readonly onBroken: (why: Error) => void;
}

/** The single writer: appends of all callers in one write(2), and one fdatasync(2) for all that was written before it. */
export class Writer {
  readonly #ports: WriterPorts;
  #queue: Waiting[] = [];
  #queued = 0;
  #awaitingDisk: { end: number; waiting: Waiting; first: number }[] = [];
  #flushPlanned = false;
  #syncPlanned: NodeJS.Timeout | undefined;
  #syncing: Unsynced | undefined;
  #unsynced: Unsynced | undefined;
  #acknowledged: number;
  #lastTime: number;
  #settled: (() => void)[] = [];
  #broken: Error | undefined;
  #closed: Error | undefined;
  #full = false;

  constructor(ports: WriterPorts) {
    this.#ports = ports;
    this.#acknowledged = ports.tail.end;
    this.#lastTime = ports.lastTime;
  }

  get accepted(): number {
    return this.#ports.tail.end;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The last append failed for want of space. */
  get full(): boolean {
    return this.#full;
  }

  oldestUnsyncedMs(): number {
    const oldest = this.#syncing ?? this.#unsynced;
    return oldest === undefined ? 0 : this.#ports.now() - oldest.since;
  }

  /** @returns the index of the first entry, once all have the strength asked for
   *  @throws Failure `record-failed`: none of them is in the ledger, except where the disk failed after acceptance */
  append(entries: readonly Admitted[], by: By, strength: Strength): Promise<number> {
    const ended = this.#broken ?? this.#closed;
    if (ended) return Promise.reject(refused(ended));
    if (this.#queued + entries.length > MOST_WAITING)
      return Promise.reject(refused(new Error('too many entries are waiting')));
    return new Promise((resolve, reject) => {
      this.#queue.push({ entries, by, strength, resolve, reject });
      this.#queued += entries.length;
      this.#planFlush();
    });
  }

  /** Refuses every append from now on, and resolves when all earlier ones are acknowledged. */
  close(): Promise<void> {
    this.#closed ??= new Error('the ledger is ending');
    return this.settled();
  }

  /** Resolves when everything accepted by now is acknowledged (or the writer is broken). */
  settled(): Promise<void> {
    if (this.#broken || (this.#queue.length === 0 && this.#acknowledged === this.accepted)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settled.push(resolve);
      this.#planSync();
    });
  }

  /** Requests that were read in one turn of the event loop share a write. */
  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#queue.length > 0 && this.#mayWrite()) this.#writeBatch();
    this.#planSync();
  }

  /** At once if anybody waits for the disk, else so that others may share it. */
  #planSync(): void {
    if (this.#syncing || this.#unsynced === undefined) return;
    const waited = this.#awaitingDisk.length > 0 || this.#settled.length > 0 || this.#queue.length > 0;
    if (waited || this.oldestUnsyncedMs() >= SHARED_SYNC_MS) this.#startSync();
    else this.#syncPlanned ??= setTimeout(() => this.#startSync(), SHARED_SYNC_MS);
  }

  #mayWrite(): boolean {
    if (this.#broken || this.oldestUnsyncedMs() > LONGEST_UNSYNCED_MS) return false;
    return this.#ports.tail.bytes <= MOST_UNPUBLISHED_BYTES;
  }

  /** A head was written: there is room in memory again. */
  published(): void {
    this.#planFlush();
  }

  /** A head could not be written: whoever waits for room is refused instead of left waiting. */
  notPublished(why: Error): void {
    if (this.#ports.tail.bytes > MOST_UNPUBLISHED_BYTES) this.#refuseQueue(why);
  }

  #refuseQueue(why: Error): void {
    this.#queued = 0;
    for (const waiting of this.#queue.splice(0)) waiting.reject(refused(why));
  }

  #writeBatch(): void {
    const batch: Waiting[] = [];
    const bodies: Buffer[] = [];
    const lastTime = this.#lastTime;
    const first = this.accepted;
    const { at, ...now } = timeAfter(lastTime, this.#ports.clock());
    this.#lastTime = at;
    let bytes = 0;
    while (this.#queue.length > 0 && bytes < MOST_BYTES_PER_WRITE) {
      const waiting = this.#queue.shift() as Waiting;
      batch.push(waiting);
      for (const entry of waiting.entries) {
        const body = sealEntry(entry, { index: first + bodies.length, by: waiting.by, ...now });
        bodies.push(body);
        bytes += body.length;
      }
      this.#queued -= waiting.entries.length;
    }
    const since = this.#ports.now();
    try {
      this.#ports.log.append(bodies);
    } catch (error) {
      this.#lastTime = lastTime;
      this.#full = isFull(error);
      for (const waiting of batch) waiting.reject(refused(error as Error));
      if (error instanceof LogBroken) this.#break(error);
      return;
    }
    this.#full = false;
    for (const body of bodies) this.#ports.tail.push(body);
    this.#unsynced = { end: this.accepted, since: this.#unsynced?.since ?? since };
    let index = first;
    for (const waiting of batch) {
      const end = index + waiting.entries.length;
      if (waiting.strength === 'accepted') waiting.resolve(index);
      else this.#awaitingDisk.push({ end, waiting, first: index });
      index = end;
    }
  }

  #startSync(): void {
    clearTimeout(this.#syncPlanned);
    this.#syncPlanned = undefined;
    const covered = this.#unsynced;
    if (this.#syncing || covered === undefined || this.#broken) return;
    this.#syncing = covered;
    this.#unsynced = undefined;
    this.#ports.log.sync((error) => {
      this.#syncing = undefined;
      if (error) {
        this.#break(error);
        return;
      }
      this.#acknowledged = covered.end;
      const done = this.#awaitingDisk.findIndex(({ end }) => end > covered.end);
      for (const { waiting, first } of this.#awaitingDisk.splice(0, done < 0 ? Infinity : done)) waiting.resolve(first);
      this.#ports.onAcknowledged();
      this.#flush();
      this.#settle();
    });
  }

  #settle(): void {
    if (!this.#broken && (this.#queue.length > 0 || this.#acknowledged < this.accepted)) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  /** After a failed fdatasync the kernel may have thrown away what it could not write, and a second call would lie: nothing
   *  more is acknowledged by this process; the next one reads what is there and writes it anew. */
  #break(why: Error): void {
    this.#broken = why;
    for (const { waiting } of this.#awaitingDisk.splice(0)) waiting.reject(refused(why));
    this.#refuseQueue(why);
    this.#settle();
    this.#ports.onBroken(why);
  }
}

/** Node has no name for it (errno(3) on Linux). */
const EDQUOT = -122;

function isFull(error: unknown): boolean {
  const { code, errno } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || errno === EDQUOT;
}

export function refused(why: Error): Failure {
  const hint = isFull(why)
    ? 'Make room on the disk that holds the state; recording goes on by itself.'
    : 'Nothing happens unrecorded. The reason is in: bulkhead logs ledger';
  const reason = isFull(why) ? 'the disk is full' : why.message;
  return new Failure(
    'record-failed',
    `The record could not be written (${reason}), so the action was refused.`,
    hint,
    1,
  );
}

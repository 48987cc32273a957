import {
  appendFileSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/failure.ts';
import { redactArgv, redactWord } from '../../policy/command/redact.ts';
import { dialLedger, type LedgerClient, type LedgerEntry } from '../../wire/ledger-client.ts';
import { type Line, piecesOf } from './journal-lines.ts';
import type { ToHot } from './messages.ts';

/** Of the journal's shared words. */
const SYNCED = 1;
const AT_ONCE = 500;
/** Longer than any line: an exec's arguments and environment are at most 4 MiB, in JSON at most six times that. */
const LONGEST_READ = 32 * 1024 * 1024;
/** Of damaged lines no more is kept. */
const MOST_ASIDE = 1024 * 1024;
const ASIDE = 'journal.damaged';
const AGAIN_MS = 500;
/** What is written in this time is given to the ledger together. */
const SHIP_EVERY_MS = 200;
/** Not shortened for less. */
const WORTH_SHORTENING = 1024 * 1024;

/** What the hot thread has written: given to the ledger in order. A line may come there twice when the gate
 *  dies between the ledger's word and our own note of it; it has the same number `n` then. */
export class Shipping {
  readonly fd: number;
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(8);
  /** The number of the next line. */
  readonly next: number;
  readonly #note: string;
  readonly #aside: string;
  readonly #ledger: string;
  readonly #shorten: (message: ToHot) => void;
  #client: LedgerClient | undefined;
  #shipped: number;
  #from = 0;

  constructor(folder: string, ledger: string, shorten: (message: ToHot) => void) {
    const path = `${folder}/journal`;
    this.#note = `${folder}/shipped`;
    this.#ledger = ledger;
    this.#shorten = shorten;
    this.#aside = `${folder}/${ASIDE}`;
    this.fd = openSync(path, 'a+', 0o600);
    this.#shipped = Number(readIfThere(this.#note)) || 0;
    const bytes = readFileSync(path);
    const whole = bytes.lastIndexOf(10) + 1;
    if (whole < bytes.length) {
      this.#keepAside(bytes.subarray(whole)); // the gate that wrote it ended before its exec went on
      ftruncateSync(this.fd, whole);
    }
    this.next = Math.max(this.#shipped, ...piecesOf(bytes).map(({ line }) => line?.n ?? 0)) + 1;
  }

  /** Runs as long as the program. @param left  ends it earlier */
  async begin(left?: AbortSignal): Promise<void> {
    while (!left?.aborted) {
      try {
        const synced = new Int32Array(this.shared)[SYNCED] ?? 0;
        if (!(await this.#ship())) await moreThan(this.shared, synced);
        await sleep(SHIP_EVERY_MS);
      } catch {
        this.#client?.close();
        this.#client = undefined; // what is written is kept; the ledger is started again by the warden
        await sleep(AGAIN_MS);
      }
    }
    this.#client?.close();
  }

  /** @returns whether there was something */
  async #ship(): Promise<boolean> {
    const bytes = this.#read();
    const pieces = piecesOf(bytes);
    const known = pieces.findLastIndex(({ line }) => line !== undefined && line.n <= this.#shipped);
    const some = pieces.slice(known + 1);
    if (some.length > 0) {
      await this.#append(some.map((piece) => (piece.line ? redacted(piece.line) : this.#damaged(piece.bytes))));
      this.#shipped = Math.max(this.#shipped, ...some.map(({ line }) => line?.n ?? 0));
      writeFileSync(this.#note, String(this.#shipped));
    }
    this.#from += bytes.length;
    if (bytes.length === 0 && this.#from > WORTH_SHORTENING) {
      this.#shorten({ do: 'shorten', upTo: this.#from });
      this.#from = 0; // if there is more by then, it is looked through again
    }
    return bytes.length > 0;
  }

  /** What the ledger takes as no entry is kept aside as well: it must not hold up all others. */
  async #append(entries: readonly LedgerEntry[]): Promise<void> {
    this.#client ??= await dialLedger(this.#ledger);
    try {
      await this.#client.append(entries, 'acknowledged');
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'bad-entry') throw error;
      const [entry, ...more] = entries;
      if (entry && more.length === 0) return this.#append([this.#damaged(Buffer.from(JSON.stringify(entry)))]);
      for (const one of entries) await this.#append([one]);
    }
  }

  #damaged(bytes: Buffer): LedgerEntry {
    this.#keepAside(bytes);
    return { event: 'exec.damaged', bytes: bytes.length, kept: ASIDE };
  }

  #keepAside(bytes: Buffer): void {
    if ((statSync(this.#aside, { throwIfNoEntry: false })?.size ?? 0) + bytes.length < MOST_ASIDE)
      appendFileSync(this.#aside, Buffer.concat([bytes, Buffer.from('\n')]), { mode: 0o600 });
  }

  /** Whole lines from where we are, as many as the ledger takes at once. */
  #read(): Buffer {
    const room = Buffer.allocUnsafe(Math.min(LONGEST_READ, Math.max(0, fstatSync(this.fd).size - this.#from)));
    const got = room.subarray(0, readSync(this.fd, room, 0, room.length, this.#from));
    let end = 0;
    for (let lines = 0; lines < AT_ONCE; lines++) {
      const next = got.indexOf(10, end);
      if (next < 0) break;
      end = next + 1;
    }
    if (end === 0 && got.length === LONGEST_READ) throw new Error('a line of the journal is longer than any may be');
    return got.subarray(0, end);
  }
}

/** Secrets never enter the ledger. */
function redacted(line: Line): LedgerEntry {
  const { argv, environment, ...rest } = line;
  return {
    ...rest,
    ...(argv && { argv: redactArgv(argv) }),
    ...(environment && { environment: environment.map(redactWord) }),
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '0';
  }
}

/** Until more lines are on disk than so many; or a second. */
async function moreThan(shared: SharedArrayBuffer, synced: number): Promise<void> {
  await Atomics.waitAsync(new Int32Array(shared), SYNCED, synced, 1000).value;
}

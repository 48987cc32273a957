import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/failure.ts';
import { redactArgv, redactWord } from '../../policy/command/redact.ts';
import { dialLedger, type LedgerClient, type LedgerEntry } from '../../wire/ledger-client.ts';
import type { JournalGiven } from './journal.ts';
import { ASIDE, JournalFiles } from './journal-files.ts';
import type { Line, Piece } from './journal-lines.ts';
import { SHARED } from './journal-shared.ts';
import type { ToHot } from './messages.ts';

const AGAIN_MS = 500;
/** What is written in this time is given to the ledger together. */
const SHIP_EVERY_MS = 200;
/** Where more is there than is given at once. */
const SHIP_MORE_MS = 10;

/** What the hot thread has written: given to the ledger in order. A line may come there twice when the gate
 *  dies between the ledger's word and our own note of it; it has the same number `n` then. */
export class Shipping {
  readonly #files: JournalFiles;
  readonly #left: ReadonlyMap<string, number>;
  readonly #next: number;
  readonly #note: string;
  readonly #ledger: string;
  readonly #say: (message: ToHot) => void;
  #client: LedgerClient | undefined;
  #shipped: number;

  constructor(folder: string, ledger: string, say: (message: ToHot) => void) {
    this.#note = `${folder}/shipped`;
    this.#ledger = ledger;
    this.#say = say;
    this.#files = new JournalFiles(folder);
    this.#shipped = Number(readIfThere(this.#note)) || 0;
    this.#next = this.#files.left.reduce((most, { line }) => Math.max(most, line?.n ?? 0), this.#shipped) + 1;
    this.#left = byAgent(this.#files.left.filter(({ line }) => (line?.n ?? 0) > this.#shipped));
  }

  /** What the journal goes on with. */
  get given(): JournalGiven {
    const { fds, shared } = this.#files;
    return { fds, shared, next: this.#next, left: this.#left };
  }

  /** Runs as long as the program. @param left  ends it earlier */
  async begin(left?: AbortSignal): Promise<void> {
    const words = new Int32Array(this.#files.shared);
    while (!left?.aborted) {
      try {
        const synced = Atomics.load(words, SHARED.synced);
        const how = await this.#ship();
        if (how === 'nothing') await Atomics.waitAsync(words, SHARED.synced, synced, 1000).value; // until more lines are on disk
        await sleep(how === 'more' ? SHIP_MORE_MS : SHIP_EVERY_MS);
      } catch {
        this.#client?.close();
        this.#client = undefined; // what is written is kept; the ledger is started again by the warden
        await sleep(AGAIN_MS);
      }
    }
    this.#client?.close();
  }

  async #ship(): Promise<'nothing' | 'some' | 'more'> {
    const { pieces, bytes, more } = this.#files.read();
    const known = pieces.findLastIndex(({ line }) => line !== undefined && line.n <= this.#shipped);
    const some = pieces.slice(known + 1);
    if (some.length > 0) {
      await this.#append(some.map((piece) => (piece.line ? redacted(piece.line) : this.#damaged(piece.bytes))));
      this.#shipped = Math.max(this.#shipped, ...some.map(({ line }) => line?.n ?? 0));
      writeFileSync(this.#note, String(this.#shipped));
      this.#say({ do: 'shipped', bytes: byAgent(some) });
    }
    this.#files.take(bytes);
    if (more) return 'more';
    return bytes > 0 ? 'some' : 'nothing';
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
    this.#files.keepAside(bytes);
    return { event: 'exec.damaged', bytes: bytes.length, kept: ASIDE };
  }
}

/** Bytes of the lines of each agent, as the journal counts them. */
function byAgent(pieces: readonly Piece[]): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const { bytes: some, line } of pieces) {
    const agent = line?.agent ?? '';
    if (line) bytes.set(agent, (bytes.get(agent) ?? 0) + some.length + 1);
  }
  return bytes;
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

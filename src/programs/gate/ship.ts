import { fstatSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { redactArgv, redactWord } from '../../policy/command/redact.ts';
import { dialLedger, type LedgerClient, type LedgerEntry } from '../../wire/ledger-client.ts';
import type { ToHot } from './messages.ts';

/** Of the journal's shared words. */
const SYNCED = 1;
const AT_ONCE = 500;
/** Longer than any line: an exec's arguments and environment are at most 4 MiB, in JSON at most six times that. */
const LONGEST_READ = 32 * 1024 * 1024;
const AGAIN_MS = 500;
/** What is written in this time is given to the ledger together. */
const SHIP_EVERY_MS = 200;
/** Not shortened for less. */
const WORTH_SHORTENING = 1024 * 1024;

interface Line {
  readonly n: number;
  readonly at: string;
  readonly event: string;
  readonly argv?: readonly string[];
  readonly environment?: readonly string[];
}

/** What the hot thread has written: given to the ledger in order. A line may come there twice when the gate
 *  dies between the ledger's word and our own note of it; it has the same number `n` then. */
export class Shipping {
  readonly fd: number;
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(8);
  /** The number of the next line. */
  readonly next: number;
  readonly #note: string;
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
    this.fd = openSync(path, 'a+', 0o600);
    this.#shipped = Number(readIfThere(this.#note));
    const last = linesOf(readFileSync(path)).at(-1)?.n ?? 0;
    this.next = Math.max(last, this.#shipped) + 1;
  }

  /** Runs as long as the program. */
  async begin(): Promise<never> {
    for (;;) {
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
  }

  /** @returns whether there was something */
  async #ship(): Promise<boolean> {
    const bytes = this.#read();
    const some = linesOf(bytes).filter(({ n }) => n > this.#shipped);
    const last = some.at(-1);
    if (last) {
      this.#client ??= await dialLedger(this.#ledger);
      await this.#client.append(some.map(redacted), 'acknowledged');
      this.#shipped = last.n;
      writeFileSync(this.#note, String(last.n));
    }
    this.#from += bytes.length;
    if (bytes.length === 0 && this.#from > WORTH_SHORTENING) {
      this.#shorten({ do: 'shorten', upTo: this.#from });
      this.#from = 0; // if there is more by then, it is looked through again
    }
    return bytes.length > 0;
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

/** Whole lines only: the last may be just being written. */
function linesOf(bytes: Buffer): Line[] {
  const whole = bytes.toString('utf8', 0, bytes.lastIndexOf(10) + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
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

import { appendFileSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { type Piece, piecesOf } from './journal-lines.ts';
import { SHARED, SHARED_BYTES } from './journal-shared.ts';

const NAMES = ['journal', 'journal.2'] as const;
/** So much is read at once, and given to the ledger. No line is as long. */
const CHUNK = 1024 * 1024;
const AT_ONCE = 500;
/** Damaged lines, no more than so much of them. */
export const ASIDE = 'journal.damaged';
const MOST_ASIDE = 1024 * 1024;

/** Both files of the gate's journal, for reading: the older is read to its end and emptied, then it is the other's turn. */
export class JournalFiles {
  readonly fds: readonly [number, number];
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(SHARED_BYTES);
  /** What the last gate left. */
  readonly left: readonly Piece[];
  readonly #words: Int32Array;
  readonly #aside: string;
  #turn: number;
  #from = 0;

  /** Cuts off what no gate wrote whole: it ended before the exec went on, and what is written next must not stand behind it. */
  constructor(folder: string) {
    this.#aside = `${folder}/${ASIDE}`;
    const [first, second] = NAMES.map((name) => this.#open(`${folder}/${name}`)) as [Opened, Opened];
    this.fds = [first.fd, second.fd];
    const younger = second.pieces.length > 0 && (first.pieces.length === 0 || firstOf(second) > firstOf(first)) ? 1 : 0;
    const both = first.pieces.length > 0 && second.pieces.length > 0;
    const turn = 2 + younger;
    this.#turn = both ? turn - 1 : turn;
    this.left = younger === 1 ? [...first.pieces, ...second.pieces] : [...second.pieces, ...first.pieces];
    this.#words = new Int32Array(this.shared);
    Atomics.store(this.#words, SHARED.turn, turn);
    Atomics.store(this.#words, SHARED.emptied, this.#turn);
  }

  /** The next whole lines, and how many bytes to `take` for them; none where there is nothing more. */
  read(): { readonly pieces: readonly Piece[]; readonly bytes: number; readonly more: boolean } {
    const turn = Atomics.load(this.#words, SHARED.turn);
    const fd = this.fds[this.#turn % 2] as number;
    const room = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(0, fstatSync(fd).size - this.#from)));
    const got = room.subarray(0, readSync(fd, room, 0, room.length, this.#from));
    let end = 0;
    let lines = 0;
    for (; lines < AT_ONCE; lines++) {
      const next = got.indexOf(10, end);
      if (next < 0) break;
      end = next + 1;
    }
    if (end === 0 && got.length === CHUNK) return { pieces: [{ bytes: got }], bytes: CHUNK, more: true };
    if (got.length === 0 && turn !== this.#turn) {
      ftruncateSync(fd, 0);
      Atomics.store(this.#words, SHARED.emptied, ++this.#turn);
      this.#from = 0;
      return { pieces: [], bytes: 0, more: true };
    }
    return { pieces: piecesOf(got.subarray(0, end)), bytes: end, more: lines === AT_ONCE || got.length === CHUNK };
  }

  /** They are done with. */
  take(bytes: number): void {
    this.#from += bytes;
  }

  keepAside(bytes: Buffer): void {
    if ((statSync(this.#aside, { throwIfNoEntry: false })?.size ?? 0) + bytes.length < MOST_ASIDE)
      appendFileSync(this.#aside, Buffer.concat([bytes, Buffer.from('\n')]), { mode: 0o600 });
  }

  #open(path: string): Opened {
    const fd = openSync(path, 'a+', 0o600);
    const bytes = readFileSync(path);
    const whole = bytes.lastIndexOf(10) + 1;
    if (whole < bytes.length) {
      this.keepAside(bytes.subarray(whole));
      ftruncateSync(fd, whole);
    }
    return { fd, pieces: piecesOf(bytes) };
  }
}

interface Opened {
  readonly fd: number;
  readonly pieces: readonly Piece[];
}

/** The number of its first line. */
function firstOf({ pieces }: Opened): number {
  return pieces.find(({ line }) => line !== undefined)?.line?.n ?? 0;
}

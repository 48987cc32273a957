import { type Header, readHeaderLines } from './http1.ts';

/** The body of a message: takes the sender's bytes, gives back what goes on, and knows where the body ends. Chunks are
 *  written anew (RFC 9112, 7.1), without extensions, so that both sides see one end; trailers are given back for whoever writes them anew. */
export interface BodyPart {
  readonly forward: readonly Uint8Array[];
  /** The body is complete; `rest` was not part of it. */
  readonly done: boolean;
  readonly rest: Uint8Array;
  /** What follows the last chunk, if anything does and `bare` was asked for. */
  readonly trailers?: readonly Header[];
}

export interface BodyReader {
  /** @throws RangeError on a malformed body; nothing more may be forwarded then */
  push(bytes: Buffer): BodyPart;
}

const NOTHING = new Uint8Array(0);

/** Of exactly `length` bytes. */
export class FixedBody implements BodyReader {
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  push(bytes: Buffer): BodyPart {
    const mine = bytes.subarray(0, this.#left);
    this.#left -= mine.length;
    return { forward: mine.length > 0 ? [mine] : [], done: this.#left === 0, rest: bytes.subarray(mine.length) };
  }
}

const LONGEST_LINE = 4096;
const MOST_TRAILERS = 64;

/** Whatever comes until the connection ends. */
export class EndlessBody implements BodyReader {
  push(bytes: Buffer): BodyPart {
    return { forward: [bytes], done: false, rest: NOTHING };
  }
}

export class ChunkedBody implements BodyReader {
  readonly #bare: boolean;
  #state: 'size' | 'data' | 'end' | 'trailer' = 'size';
  #line: Buffer = Buffer.alloc(0);
  #left = 0;
  readonly #trailers: string[] = [];

  /** @param bare  give back the data alone, for whoever frames it anew */
  constructor(bare: boolean = false) {
    this.#bare = bare;
  }

  push(bytes: Buffer): BodyPart {
    const forward: Uint8Array[] = [];
    const frame = (text: string): void => void (this.#bare || forward.push(Buffer.from(text)));
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'data') {
        const piece = bytes.subarray(at, at + this.#left);
        forward.push(piece);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#state = 'end';
        continue;
      }
      const [line, next] = this.#takeLine(bytes, at);
      at = next;
      if (line === undefined) break;
      if (this.#state === 'end') {
        if (line !== '') throw new RangeError('a chunk is longer than it says');
        frame('\r\n');
        this.#state = 'size';
      } else if (this.#state === 'size') {
        this.#left = chunkSize(line);
        this.#state = this.#left === 0 ? 'trailer' : 'data';
        if (this.#left > 0) frame(`${this.#left.toString(16)}\r\n`);
      } else if (line === '') {
        frame('0\r\n\r\n');
        const trailers = readHeaderLines(this.#trailers);
        if (this.#bare && trailers === undefined) throw new RangeError('malformed trailer');
        return { forward, done: true, rest: bytes.subarray(at), ...(this.#bare && trailers && { trailers }) };
      } else if (this.#trailers.push(line) > MOST_TRAILERS) throw new RangeError('too many trailers');
    }
    return { forward, done: false, rest: NOTHING };
  }

  /** @returns the line without CR LF, if it is whole, and where to go on */
  #takeLine(bytes: Buffer, from: number): [string | undefined, number] {
    const feed = bytes.indexOf(10, from);
    const end = feed < 0 ? bytes.length : feed + 1;
    this.#line = Buffer.concat([this.#line, bytes.subarray(from, end)]);
    if (this.#line.length > LONGEST_LINE) throw new RangeError('a line of the chunked body is too long');
    if (feed < 0) return [undefined, end];
    const line = this.#line.toString('latin1');
    this.#line = Buffer.alloc(0);
    if (!line.endsWith('\r\n') || line.indexOf('\r') !== line.length - 2)
      throw new RangeError('a line of the chunked body does not end in CR LF');
    return [line.slice(0, -2), end];
  }
}

function chunkSize(line: string): number {
  const size = /^([0-9A-Fa-f]{1,12})(?:[\t ]*;[\t\x20-\x7e]*)?$/.exec(line)?.[1];
  if (size === undefined) throw new RangeError('malformed chunk size');
  return Number.parseInt(size, 16);
}

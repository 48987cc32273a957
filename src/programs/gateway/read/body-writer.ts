import type { Socket } from 'node:net';
import type { Header } from '../../../protocol/http1.ts';
import { give } from './incoming.ts';

/** Together less than this is copied into one; more than that is gathered by the stream. */
const SMALL = 4096;

/** Writes a body, and the head before it, in as few writes as may be: each is a record of TLS and a system call, which costs more than what is
 *  in it. What came in one turn of the event loop leaves together (servers send head and body in records of their own); nothing waits longer. */
export class BodyWriter {
  readonly #to: Socket;
  readonly #chunked: boolean;
  #head: Buffer | undefined;
  #planned = false;
  #corked = false;

  constructor(to: Socket, chunked: boolean, head: Buffer | undefined) {
    this.#to = to;
    this.#chunked = chunked;
    this.#head = head;
  }

  /** @returns when there is room for more, if there is none now. @throws Error when the other end is gone */
  write(data: Buffer): Promise<void> | undefined {
    return data.length === 0 ? undefined : this.#put(this.#framed(data));
  }

  /** @param data  the last of it. @throws Error when the other end is gone */
  end(data: Buffer, trailers: readonly Header[] = []): Promise<void> | undefined {
    const last = data.length === 0 ? [] : this.#framed(data);
    if (this.#chunked) last.push(lastChunk(trailers));
    const room = this.#put(last);
    this.#release();
    return room;
  }

  /** Nothing is there to be written now: the head does not wait for it beyond this turn. */
  waits(): void {
    if (this.#head) this.#plan();
  }

  #framed(data: Buffer): Buffer[] {
    return this.#chunked ? [Buffer.from(`${data.length.toString(16)}\r\n`, 'latin1'), data, LINE_END] : [data];
  }

  #put(pieces: Buffer[]): Promise<void> | undefined {
    if (this.#head) pieces.unshift(this.#head);
    this.#head = undefined;
    let length = 0;
    for (const piece of pieces) length += piece.length;
    if (length < SMALL)
      return give(this.#to, pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, length));
    if (!this.#corked) {
      this.#corked = true;
      this.#to.cork();
      this.#plan();
    }
    let room: Promise<void> | undefined;
    for (const piece of pieces) room = give(this.#to, piece) ?? room;
    return room;
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    setImmediate(this.#turned);
  }

  readonly #turned = (): void => {
    this.#planned = false;
    if (this.#head && this.#to.writable) this.#to.write(this.#head);
    this.#head = undefined;
    this.#release();
  };

  #release(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#to.uncork();
  }
}

const LINE_END = Buffer.from('\r\n');

function lastChunk(trailers: readonly Header[]): Buffer {
  return Buffer.from(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1');
}

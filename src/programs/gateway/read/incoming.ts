import type { Socket } from 'node:net';

/** What comes on a connection, piece by piece as it is asked for; what is not asked for is not read from the kernel, but for one piece and what
 *  the stream itself holds. Nothing is set up or taken down for a piece: neither a listener nor a timer. */
export class Incoming {
  readonly #socket: Socket;
  /** Came unasked, or was put back. */
  #there: Buffer | undefined;
  #waiting: ((piece: Buffer | undefined) => void) | undefined;
  #over = false;
  #left = false;
  /** When whoever waits is told that nothing came; `performance.now()`. */
  #late = 0;
  #timer: NodeJS.Timeout | undefined;
  #rings = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#came);
    for (const event of ENDS) socket.on(event, this.#ended);
  }

  readonly #came = (piece: Buffer): void => {
    if (this.#waiting !== undefined) {
      this.#give(piece);
      return;
    }
    this.#there = this.#there === undefined ? piece : Buffer.concat([this.#there, piece]);
    this.#socket.pause();
  };

  readonly #ended = (): void => {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#give(undefined);
  };

  /** Looks whether it is late: most of what was waited for has come long since. */
  readonly #ring = (): void => {
    this.#timer = undefined;
    if (this.#waiting === undefined) return;
    if (performance.now() >= this.#late) this.#give(undefined);
    else this.#ringAt(this.#late);
  };

  #ringAt(late: number): void {
    if (this.#timer !== undefined && this.#rings <= late) return;
    clearTimeout(this.#timer);
    this.#rings = late;
    this.#timer = setTimeout(this.#ring, late - performance.now()).unref(); // the connection itself keeps the program
  }

  #give(piece: Buffer | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(piece);
  }

  /** Nothing more is asked for: the socket flows again for whoever wants it to. Whoever waits for more gets the end. */
  leave(): void {
    this.#left = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket.off('data', this.#came);
    for (const event of ENDS) this.#socket.off(event, this.#ended);
    this.#give(undefined);
  }

  /** What is there without waiting; undefined: nothing yet. */
  taken(): Buffer | undefined {
    const there = this.#there;
    this.#there = undefined;
    return there;
  }

  /** @param ms  how long nothing at all may come
   *  @returns undefined at the end of the connection, however it came, and when nothing came */
  next(ms: number): Promise<Buffer | undefined> {
    const there = this.taken();
    if (there !== undefined) return Promise.resolve(there);
    const socket = this.#socket;
    const none = this.#left || this.#over || socket.destroyed || socket.readableEnded || ms <= 0;
    if (none) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#late = performance.now() + ms;
      this.#ringAt(this.#late);
      this.listen();
    });
  }

  /** Nobody asks, but that something comes, or the end, is to be noticed. */
  listen(): void {
    if (this.#socket.readableFlowing !== true) this.#socket.resume();
  }

  /** Nothing came that nobody has asked for, and nothing was put back. */
  get isEmpty(): boolean {
    return this.#there === undefined;
  }

  /** The next `next` gives these. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const back = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#there = this.#there === undefined ? back : Buffer.concat([back, this.#there]);
  }
}

const ENDS = ['end', 'close', 'error'];

/** Writes. @returns when there is room for more, if there is none now. @throws Error when the other end is gone */
export function give(to: Socket, bytes: Uint8Array): Promise<void> | undefined {
  if (bytes.length === 0) return undefined;
  if (to.destroyed || !to.writable) throw new Error('the other end is gone');
  if (to.write(bytes)) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      to.off('drain', done).off('close', done);
      resolve();
    };
    to.on('drain', done).on('close', done);
  });
}

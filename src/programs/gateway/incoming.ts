import type { Socket } from 'node:net';

const EVENTS = ['readable', 'end', 'close', 'error'];

/** What comes on a connection, piece by piece as it is asked for; what is not asked for is not read from the kernel. */
export class Incoming {
  readonly #socket: Socket;
  #back: Buffer | undefined;
  #left = false;
  #wake: () => void = () => {};
  readonly #onEvent = (): void => this.#wake();

  constructor(socket: Socket) {
    this.#socket = socket;
    for (const event of EVENTS) socket.on(event, this.#onEvent);
  }

  /** Nothing more is asked for: the socket flows again for whoever wants it to. Whoever waits for more gets the end. */
  leave(): void {
    this.#left = true;
    this.#wake();
    for (const event of EVENTS) this.#socket.off(event, this.#onEvent);
  }

  /** @param ms  how long nothing at all may come
   *  @returns undefined at the end of the connection, however it came, and when nothing came */
  async next(ms: number): Promise<Buffer | undefined> {
    if (this.#back) {
      const back = this.#back;
      this.#back = undefined;
      return back;
    }
    for (const late = performance.now() + ms; ; ) {
      if (this.#left) return undefined;
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk !== null) return chunk;
      const left = late - performance.now();
      if (this.#socket.readableEnded || this.#socket.destroyed || left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Nothing was put back. */
  get isEmpty(): boolean {
    return this.#back === undefined;
  }

  /** The next `next` gives these. */
  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#back = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}

/** Writes and waits until there is room for more. @throws Error when the other end is gone */
export async function give(to: Socket, bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0) return;
  if (to.destroyed || !to.writable) throw new Error('the other end is gone');
  if (to.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      to.off('drain', done).off('close', done);
      resolve();
    };
    to.on('drain', done).on('close', done);
  });
}

import { connect, type Socket } from 'node:net';
import { Failure, type FailureDocument } from '../model/failure.ts';
import { encodeFrame, FrameReader } from './frames.ts';

/** A request is `{id, do, ...body}`; its reply `{id, ok}` or `{id, error: {code, message, hint}}`; replies may come out of order.
 *  A frame with `do` is a request from the other side (ids count per caller), one without `id` a notice; both go to `onNotice`. */
interface Reply {
  readonly id?: number;
  readonly ok?: unknown;
  readonly error?: FailureDocument & { exit?: 1 | 2 | 3 };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly taken: ((ok: unknown) => unknown) | undefined;
  readonly reject: (error: Error) => void;
}

export class Client {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #ended: Error | undefined;
  /** Frames that answer none of our requests: `{id, do, ...}` is to be answered with `reply`. */
  onNotice: (notice: unknown) => void = () => {};
  onEnd: (why: Error) => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.push(chunk)) this.#take(frame as Reply);
      } catch (error) {
        this.#end(error as Error);
        socket.destroy();
      }
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the connection was closed')));
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** @param taken  called as the reply is read, before any frame after it: takes the descriptors that came with it on another
   *  connection, which are in the order of frames; what it returns is the result
   *  @throws Failure as the other side said it; Error when the connection ends before the reply */
  call(request: string, body: object = {}, taken?: (ok: unknown) => unknown): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const frame = encodeFrame({ ...body, id, do: request });
      this.#waiting.set(id, { resolve, reject, taken });
      this.#socket.write(frame);
    });
  }

  /** Answers a request of the other side. */
  reply(frame: { id: unknown; ok: unknown } | { id: unknown; error: FailureDocument }): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(frame));
  }

  close(): void {
    this.#socket.end();
  }

  #take(reply: Reply): void {
    const waiting = reply.id === undefined || 'do' in reply ? undefined : this.#waiting.get(reply.id);
    if (waiting === undefined || reply.id === undefined) {
      this.onNotice(reply);
      return;
    }
    const result = reply.error || !waiting.taken ? reply.ok : waiting.taken(reply.ok);
    this.#waiting.delete(reply.id);
    if (reply.error) {
      const { code, message, hint, exit, at } = reply.error;
      waiting.reject(new Failure(code, message, hint, exit ?? 1, at));
    } else waiting.resolve(result);
  }

  #end(why: Error): void {
    if (this.#ended) return;
    this.#ended = why;
    for (const waiting of this.#waiting.values()) waiting.reject(why);
    this.#waiting.clear();
    this.onEnd(why);
  }
}

/** @throws the connection's own error (ENOENT, ECONNREFUSED, EACCES) */
export function dial(path: string): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new Client(socket));
    });
  });
}

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Pattern, Scrubber } from '../../../policy/scrub.ts';
import {
  CLOSE,
  CONTINUATION,
  closing,
  type FramePiece,
  FrameReader,
  frame,
  POLICY_VIOLATION,
  PROTOCOL_ERROR,
} from '../../../protocol/websocket.ts';
import { sayAndClose } from '../first-bytes.ts';
import { LIMITS } from '../limits.ts';
import type { Reached } from './far-end.ts';
import { give, type Incoming } from './incoming.ts';
import type { Line } from './intercept.ts';
import { type Go, MISPLACED } from './judging.ts';

/** Frames larger than this are passed on in several. */
const MOST_HELD = 64 * 1024;
/** A piece takes much more memory than its bytes, of which it may have one: after so many they become one. */
const MOST_PIECES = 64;

class Broken extends Error {
  readonly code: number;

  constructor(code: number, why: string) {
    super(why);
    this.code = code;
  }
}

/** Passes the frames of a WebSocket on, each written anew, until one end is gone: what the server sends loses the values that went out, what
 *  the client sends may hold no placeholder. */
export async function relay(line: Line, server: Reached, judged: Go): Promise<void> {
  const { client, fromClient } = line;
  const { socket } = server;
  line.far.upstream.setTimeout(LIMITS.idleMs); // it had the shorter time of a request
  for (const one of [client, socket]) one.setTimeout(LIMITS.idleMs, () => one.destroy());
  // A client answers a ping with what it held: its own placeholder must not come to stand there.
  const starred = judged.reflected.map(({ find }) => ({ find, put: Buffer.alloc(find.length, '*') }));
  const up = oneWay(fromClient, new FrameWriter(true, judged.stray, judged.stray), socket);
  const down = oneWay(server.incoming, new FrameWriter(false, judged.reflected, starred), client);
  const why = await Promise.race([up, down]);
  if (why?.message === MISPLACED) judged.misplaced();
  fromClient.leave();
  server.incoming.leave();
  if (why === undefined) {
    sayAndClose(client, '');
    return sayAndClose(socket, '');
  }
  sayAndClose(client, frame(CLOSE, true, closing(why.code, why.message)));
  socket.destroy();
}

/** @returns why it ended, unless it just did */
async function oneWay(from: Incoming, writer: FrameWriter, to: Socket): Promise<Broken | undefined> {
  const reader = new FrameReader(writer.masked);
  try {
    for (let bytes = await from.next(LIMITS.idleMs); bytes !== undefined; bytes = await from.next(LIMITS.idleMs))
      for (const piece of reader.push(bytes)) await give(to, writer.push(piece));
    return undefined;
  } catch (error) {
    if (error instanceof Broken) return error;
    if (error instanceof RangeError) return new Broken(PROTOCOL_ERROR, error.message);
    return undefined; // the other end is gone
  }
}

/** Frames as they leave. What may be the beginning of a pattern waits for the next frame of its message. */
export class FrameWriter {
  /** It comes from a client and goes to a server. */
  readonly masked: boolean;
  readonly #patterns: readonly Pattern[];
  readonly #inControl: readonly Pattern[];
  /** Of the message that is under way, which control frames may interrupt. */
  #message: Scrubber | undefined;
  #begun = false;
  /** What it began as: its first frame may have been held back whole. */
  #kind = CONTINUATION as number;
  #pieces: Buffer[] = [];
  #size = 0;
  #control: Buffer[] = [];

  constructor(masked: boolean, patterns: readonly Pattern[], inControl: readonly Pattern[]) {
    this.masked = masked;
    this.#patterns = patterns;
    this.#inControl = inControl;
  }

  /** @throws Broken when a client's message holds a placeholder */
  push({ opcode, fin, data, last }: FramePiece): Buffer {
    if (opcode >= CLOSE) {
      this.#control.push(data);
      if (!last) return NOTHING;
      const payload = Buffer.concat(this.#control.splice(0));
      const scrubber = new Scrubber(this.#inControl);
      return this.#frame(opcode, true, Buffer.concat([this.#clean(scrubber, payload), scrubber.end()]));
    }
    if (opcode !== CONTINUATION) this.#kind = opcode;
    if (data.length > 0) this.#pieces.push(data);
    this.#size += data.length;
    if (!last && this.#size < MOST_HELD) {
      if (this.#pieces.length > MOST_PIECES) this.#pieces = [Buffer.concat(this.#pieces)];
      return NOTHING;
    }
    this.#message ??= new Scrubber(this.#patterns);
    const [only = NOTHING, ...more] = this.#pieces.splice(0);
    let payload = this.#clean(this.#message, more.length === 0 ? only : Buffer.concat([only, ...more]));
    this.#size = 0;
    const whole = last && fin;
    if (whole) payload = Buffer.concat([payload, this.#message.end()]);
    if (payload.length === 0 && !whole) return NOTHING;
    const kind = this.#begun ? CONTINUATION : this.#kind;
    this.#begun = !whole;
    if (whole) this.#message = undefined;
    return this.#frame(kind, whole, payload);
  }

  #clean(scrubber: Scrubber, payload: Buffer): Buffer {
    const clean = scrubber.push(payload);
    if (this.masked && scrubber.found > 0) throw new Broken(POLICY_VIOLATION, MISPLACED);
    return clean;
  }

  #frame(opcode: number, fin: boolean, payload: Buffer): Buffer {
    return frame(opcode, fin, payload, this.masked ? randomBytes(4) : undefined);
  }
}

const NOTHING = Buffer.alloc(0);

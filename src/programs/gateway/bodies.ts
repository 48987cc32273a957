import type { Socket } from 'node:net';
import type { Scrubber } from '../../policy/scrub.ts';
import { type BodyReader, ChunkedBody, EndlessBody, FixedBody } from '../../protocol/chunked.ts';
import type { Framing, Header } from '../../protocol/http1.ts';
import { passingTrailers } from '../../protocol/trailers.ts';
import { type Coding, decoded } from './decoding.ts';
import { give, type Incoming } from './incoming.ts';
import { LIMITS } from './limits.ts';

/** Why a body was not passed on to its end. */
export class BodyFailure extends Error {}

/** What a body goes through. */
export interface Through {
  readonly scrubber: Scrubber;
  /** Why the scrubber's first find ends it, before anything of it is passed on. */
  readonly stop?: string;
  /** @throws BodyFailure when they may not pass */
  readonly trailers: (trailers: readonly Header[]) => readonly Header[];
  /** It came in this coding, and is passed on without, in chunks. */
  readonly coding?: Coding;
}

type AnyFraming = Framing | { readonly kind: 'close' };

/** Passes one body on, framed anew, without waiting for more than a pattern that may have begun.
 *  @throws BodyFailure when it is malformed, cut off or stopped; RangeError never leaves */
export async function passBody(from: Incoming, framing: AnyFraming, to: Socket, through: Through): Promise<void> {
  const { scrubber, stop, coding } = through;
  const reader = readerOf(framing);
  if (reader === undefined) return;
  const chunked = framing.kind === 'chunked' || coding !== undefined;
  const put = (data: Buffer): Promise<void> | undefined => {
    if (stop !== undefined && scrubber.found > 0) throw new BodyFailure(stop);
    if (data.length === 0) return undefined;
    if (!chunked) return give(to, data);
    to.cork();
    to.write(`${data.length.toString(16)}\r\n`, 'latin1');
    to.write(data);
    const room = give(to, LINE_END);
    to.uncork();
    return room;
  };
  let trailers: readonly Header[] = [];
  const pieces = read(from, framing, reader, (came) => {
    trailers = passingTrailers(through.trailers(came));
  });
  for await (const data of coding === undefined ? pieces : decoded(pieces, coding)) await put(scrubber.push(data));
  await put(scrubber.end());
  if (chunked) await give(to, lastChunk(trailers));
}

const LINE_END = Buffer.from('\r\n');

function lastChunk(trailers: readonly Header[]): Buffer {
  return Buffer.from(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1');
}

/** The data alone; what follows it is left in `from`. */
async function* read(
  from: Incoming,
  framing: AnyFraming,
  reader: BodyReader,
  trailers: (trailers: readonly Header[]) => void,
): AsyncGenerator<Buffer> {
  for (let part = reader.push(Buffer.alloc(0)); ; ) {
    for (const data of part.forward) yield data as Buffer;
    if (part.done) {
      from.unread(part.rest);
      if (part.trailers) trailers(part.trailers);
      return;
    }
    const chunk = await from.next(LIMITS.idleHttpMs);
    if (chunk === undefined && framing.kind === 'close') return;
    if (chunk === undefined) throw new BodyFailure('the body was cut off');
    part = pushed(reader, chunk);
  }
}

function readerOf(framing: AnyFraming): BodyReader | undefined {
  if (framing.kind === 'chunked') return new ChunkedBody(true);
  if (framing.kind === 'length') return new FixedBody(framing.length);
  return framing.kind === 'close' ? new EndlessBody() : undefined;
}

function pushed(reader: BodyReader, chunk: Buffer): ReturnType<BodyReader['push']> {
  try {
    return reader.push(chunk);
  } catch (error) {
    if (error instanceof RangeError) throw new BodyFailure(error.message);
    throw error;
  }
}

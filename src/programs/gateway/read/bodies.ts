import type { Socket } from 'node:net';
import type { Scrubber } from '../../../policy/scrub.ts';
import { type BodyReader, ChunkedBody, EndlessBody, FixedBody } from '../../../protocol/chunked.ts';
import type { Framing, Header } from '../../../protocol/http1.ts';
import { passingTrailers } from '../../../protocol/trailers.ts';
import { LIMITS } from '../limits.ts';
import { BodyWriter } from './body-writer.ts';
import { type Coding, decoded } from './decoding.ts';
import type { Incoming } from './incoming.ts';

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
  /** Goes before it, in one write with what comes of it at once. */
  readonly head?: Buffer;
}

type AnyFraming = Framing | { readonly kind: 'close' };

/** Passes one body on, framed anew, without waiting for more than a pattern that may have begun.
 *  @throws BodyFailure when it is malformed, cut off or stopped; RangeError never leaves */
export async function passBody(from: Incoming, framing: AnyFraming, to: Socket, through: Through): Promise<void> {
  const { scrubber, stop, coding } = through;
  const writer = new BodyWriter(to, framing.kind === 'chunked' || coding !== undefined, through.head);
  const reader = readerOf(framing);
  if (reader === undefined) return writer.end(NOTHING);
  const clean = (data: Buffer): Buffer => {
    if (stop !== undefined && scrubber.found > 0) throw new BodyFailure(stop);
    return data;
  };
  let trailers: readonly Header[] = [];
  const trailed = (came: readonly Header[]): void => {
    trailers = passingTrailers(through.trailers(came));
  };
  if (coding !== undefined) {
    writer.waits();
    for await (const data of decoded(read(from, framing, reader, trailed), coding))
      await writer.write(clean(scrubber.push(data)));
    return writer.end(clean(scrubber.end()), trailers);
  }
  for (let part = reader.push(NOTHING); !part.done; ) {
    let chunk = from.taken();
    if (chunk === undefined) {
      writer.waits();
      chunk = await from.next(LIMITS.idleHttpMs);
    }
    if (chunk === undefined && framing.kind === 'close') break;
    if (chunk === undefined) throw new BodyFailure('the body was cut off');
    part = pushed(reader, chunk);
    for (const data of part.forward) {
      const room = writer.write(clean(scrubber.push(data as Buffer)));
      if (room) await room;
    }
    if (!part.done) continue;
    from.unread(part.rest);
    if (part.trailers) trailed(part.trailers);
  }
  return writer.end(clean(scrubber.end()), trailers);
}

const NOTHING = Buffer.alloc(0);

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

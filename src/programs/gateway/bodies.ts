import type { Socket } from 'node:net';
import type { Scrubber } from '../../policy/scrub.ts';
import { type BodyReader, ChunkedBody, EndlessBody, FixedBody } from '../../protocol/chunked.ts';
import type { Framing } from '../../protocol/http1.ts';
import { give, type Incoming } from './incoming.ts';
import { LIMITS } from './limits.ts';

/** Why a body was not passed on to its end. */
export class BodyFailure extends Error {}

/** Passes one body on, framed anew, through a scrubber, without waiting for more than a pattern that may have begun.
 *  @param stopAtFirst  the scrubber's first find ends it, before anything of it is passed on
 *  @throws BodyFailure when it is malformed, cut off or stopped; RangeError never leaves */
export async function passBody(
  from: Incoming,
  framing: Framing | { readonly kind: 'close' },
  to: Socket,
  scrubber: Scrubber,
  stopAtFirst?: string,
): Promise<void> {
  const reader = readerOf(framing);
  if (reader === undefined) return;
  const chunked = framing.kind === 'chunked';
  const put = async (data: Buffer): Promise<void> => {
    if (stopAtFirst !== undefined && scrubber.found > 0) throw new BodyFailure(stopAtFirst);
    if (data.length === 0) return;
    if (chunked)
      await give(to, Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')]));
    else await give(to, data);
  };
  for (let part = reader.push(Buffer.alloc(0)); ; ) {
    for (const data of part.forward) await put(scrubber.push(data as Buffer));
    if (part.done) {
      from.unread(part.rest);
      break;
    }
    const chunk = await from.next(LIMITS.idleHttpMs);
    if (chunk === undefined && framing.kind === 'close') break;
    if (chunk === undefined) throw new BodyFailure('the body was cut off');
    part = pushed(reader, chunk);
  }
  await put(scrubber.end());
  if (chunked) await give(to, Buffer.from('0\r\n\r\n'));
}

function readerOf(framing: Framing | { readonly kind: 'close' }): BodyReader | undefined {
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

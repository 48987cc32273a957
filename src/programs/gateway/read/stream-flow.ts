import type { ClientHttp2Stream, Http2Stream, ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import type { Contain } from '../contained.ts';

/** Whether an end of a stream has said that what it sends is whole (END_STREAM; RFC 9113, 5.1). To its reader a stream that was reset without an
 *  error (RST_STREAM with NO_ERROR) ends in the same way. To be asked for before anything else of the stream may have come. */
export function wholeness(stream: Http2Stream): () => boolean {
  let whole = false;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null && !stream.closed) whole = true; // a reset closes it first
    return push(chunk, encoding);
  };
  return () => whole;
}

/** No faster than it is taken: what is not read here is not granted to the sender either. */
export function flow(
  from: Readable,
  to: ServerHttp2Stream | ClientHttp2Stream,
  contain: Contain,
  put: (bytes: Buffer) => boolean,
  over: () => void,
): void {
  to.on('drain', () => from.resume());
  const data = contain((bytes: Buffer) => {
    if (!put(bytes)) from.pause();
  });
  from.on('data', data);
  from.once('end', contain(over));
}

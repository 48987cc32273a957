import type { Readable } from 'node:stream';
import type { Destination } from '../../policy/egress.ts';
import { isJson, LONGEST_JSON_BODY } from '../../policy/place-body.ts';
import { ChunkedBody, FixedBody } from '../../protocol/chunked.ts';
import { type Framing, type Header, type RequestHead, valuesOf } from '../../protocol/http1.ts';
import { give, type Incoming } from './incoming.ts';
import type { Line } from './intercept.ts';
import { LIMITS } from './limits.ts';
import type { Door } from './passage.ts';
import { tokenEndpointAt } from './token-answers.ts';

/** Whether a request's body is judged as a whole, before its head goes out: a secret is bound to a field of JSON there, or it is for a token
 *  endpoint. */
export function isJudgedWhole(
  door: Door,
  destination: Destination,
  asked: { readonly method: string; readonly target: string },
  contentType: string,
): boolean {
  if (tokenEndpointAt(door, destination, asked)) return true;
  const { bindings } = door.compartment;
  const { host, port } = destination;
  const bound = bindings.some(
    (one) => one.host === host && one.port === port && one.in.some((place) => place.startsWith('json ')),
  );
  return bound && isJson(contentType);
}

/** The body of a request, if it is judged as a whole. A client that waits to be told that it may send it is told.
 *  @returns undefined: there is none, or it passes as it comes; a text: why it cannot be read */
export async function wholeBody(line: Line, head: RequestHead, framing: Framing): Promise<Buffer | string | undefined> {
  const { door, destination, client, fromClient } = line;
  if (framing.kind === 'none' || !isJudgedWhole(door, destination, head, valuesOf(head, 'content-type').join()))
    return undefined;
  if (valuesOf(head, 'content-encoding').some((coding) => coding.toLowerCase() !== 'identity')) return COMPRESSED_WHOLE;
  if (valuesOf(head, 'expect').length > 0) await give(client, Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
  return collected(fromClient, framing);
}

async function collected(from: Incoming, framing: Exclude<Framing, { kind: 'none' }>): Promise<Buffer | string> {
  const reader = framing.kind === 'length' ? new FixedBody(framing.length) : new ChunkedBody(true);
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for (let part = reader.push(Buffer.alloc(0)); ; ) {
      for (const piece of part.forward) {
        pieces.push(Buffer.from(piece));
        length += piece.length;
      }
      if (length > LONGEST_JSON_BODY) return TOO_LONG_WHOLE;
      if (part.done) {
        from.unread(part.rest);
        return Buffer.concat(pieces);
      }
      const chunk = await from.next(LIMITS.idleHttpMs);
      if (chunk === undefined) return CUT_OFF;
      part = reader.push(chunk);
    }
  } catch (error) {
    if (error instanceof RangeError) return `malformed request: ${error.message}`;
    throw error;
  }
}

/** The same of a stream of HTTP/2. */
export async function wholeStreamBody(
  door: Door,
  destination: Destination,
  { method, path, headers }: { readonly method: string; readonly path: string; readonly headers: readonly Header[] },
  stream: Readable,
): Promise<Buffer | string | undefined> {
  const of = (field: string): string[] => headers.filter(([name]) => name === field).map(([, value]) => value);
  if (!isJudgedWhole(door, destination, { method, target: path }, of('content-type').join())) return undefined;
  if (of('content-encoding').some((coding) => coding.toLowerCase() !== 'identity')) return COMPRESSED_WHOLE;
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of stream.iterator({ destroyOnReturn: false })) {
      pieces.push(piece as Buffer);
      length += (piece as Buffer).length;
      if (length > LONGEST_JSON_BODY) return TOO_LONG_WHOLE;
    }
  } catch {
    return CUT_OFF; // the client has reset it: nobody is there to be told more
  }
  return Buffer.concat(pieces);
}

const COMPRESSED_WHOLE = 'the body is compressed where it is read for a secret';
const TOO_LONG_WHOLE = 'the body is too long to be judged as a whole';
const CUT_OFF = 'the body was cut off';

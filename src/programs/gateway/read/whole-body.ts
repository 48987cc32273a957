import type { ServerHttp2Stream } from 'node:http2';
import { type Destination, isAt } from '../../../policy/egress.ts';
import { isJson, LONGEST_JSON_BODY } from '../../../policy/place-body.ts';
import { ChunkedBody, FixedBody } from '../../../protocol/chunked.ts';
import { type Framing, type Header, type RequestHead, valuesOf } from '../../../protocol/http1.ts';
import type { Door } from '../door.ts';
import { LIMITS } from '../limits.ts';
import { tokenEndpointAt } from '../secrets/endpoints.ts';
import type { HeldBody } from './held-bodies.ts';
import { give, type Incoming } from './incoming.ts';
import type { Line } from './intercept.ts';

type Asked = Pick<RequestHead, 'method' | 'target' | 'headers'>;

/** Whether a request's body is judged as a whole, before its head goes out: a secret is bound to a field of JSON there, or it is for a token
 *  endpoint. */
function isJudgedWhole(door: Door, destination: Destination, asked: Asked, types: readonly string[]): boolean {
  if (tokenEndpointAt(door, destination, asked)) return true;
  const bound = door.compartment.bindings.some(
    (one) => isAt(one, destination) && one.in.some((place) => place.startsWith('json ')),
  );
  return bound && types.some(isJson);
}

/** @returns undefined: it passes as it comes; a text: why it cannot be read */
function judgedWhole(door: Door, destination: Destination, asked: Asked): true | string | undefined {
  const types = valuesOf(asked, 'content-type');
  if (!isJudgedWhole(door, destination, asked, types)) return undefined;
  if (types.length > 1) return 'malformed request: content-type is given twice';
  const coded = valuesOf(asked, 'content-encoding').some((coding) => coding.toLowerCase() !== 'identity');
  return coded ? COMPRESSED_WHOLE : true;
}

/** The body of a request, if it is judged as a whole. A client that waits to be told that it may send it is told.
 *  @param held  where it is kept, until the caller releases it
 *  @returns undefined: there is none, or it passes as it comes; a text: why it cannot be read */
export async function wholeBody(
  line: Line,
  head: RequestHead,
  framing: Framing,
  held: HeldBody,
): Promise<Buffer | string | undefined> {
  const { door, destination, client, fromClient } = line;
  if (framing.kind === 'none') return undefined;
  const whole = judgedWhole(door, destination, head);
  if (whole !== true) return whole;
  try {
    if (valuesOf(head, 'expect').length > 0) await give(client, Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
  } catch {
    return CUT_OFF; // the client is gone: nobody is there to be told more
  }
  return collected(fromClient, framing, held);
}

async function collected(
  from: Incoming,
  framing: Exclude<Framing, { kind: 'none' }>,
  held: HeldBody,
): Promise<Buffer | string> {
  const reader = framing.kind === 'length' ? new FixedBody(framing.length) : new ChunkedBody(true);
  try {
    for (let part = reader.push(Buffer.alloc(0)); ; ) {
      for (const piece of part.forward) if (!held.push(piece)) return TOO_MANY_WHOLE;
      if (held.length > LONGEST_JSON_BODY) return TOO_LONG_WHOLE;
      if (part.done) {
        from.unread(part.rest);
        return held.bytes;
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

/** The same of a stream of HTTP/2.
 *  @param whole  whether the client has said that it has sent all of it */
export async function wholeStreamBody(
  door: Door,
  destination: Destination,
  { method, path, headers }: { readonly method: string; readonly path: string; readonly headers: readonly Header[] },
  stream: ServerHttp2Stream,
  whole: () => boolean,
  held: HeldBody,
): Promise<Buffer | string | undefined> {
  const judged = judgedWhole(door, destination, { method, target: path, headers });
  if (judged !== true) return judged;
  const waits = headers.some(([name, value]) => name === 'expect' && value.toLowerCase() === '100-continue');
  try {
    if (waits && !stream.closed) stream.additionalHeaders({ ':status': 100 });
    for await (const piece of stream.iterator({ destroyOnReturn: false })) {
      if (!held.push(piece as Buffer)) return TOO_MANY_WHOLE;
      if (held.length > LONGEST_JSON_BODY) return TOO_LONG_WHOLE;
    }
  } catch {
    return CUT_OFF; // the client has reset it: nobody is there to be told more
  }
  return whole() ? held.bytes : CUT_OFF;
}

const COMPRESSED_WHOLE = 'the body is compressed where it is read for a secret';
const TOO_LONG_WHOLE = 'the body is too long to be judged as a whole';
const TOO_MANY_WHOLE = 'too many bodies at once that are to be judged as a whole';
const CUT_OFF = 'the body was cut off';

import { type ClientHttp2Session, type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';
import type { Destination } from '../../../policy/egress.ts';
import { modelApiOf } from '../../../policy/refusal-body.ts';
import type { Header } from '../../../protocol/http1.ts';
import { rawFields, readStreamHead, TOO_LONG } from '../../../protocol/http2.ts';
import { hostPort } from '../compartment.ts';
import { contained } from '../contained.ts';
import type { Door } from '../door.ts';
import { isSameHost } from '../same-host.ts';
import { HeldBody } from './held-bodies.ts';
import { judgeRequest, refuseRequest } from './judging.ts';
import { type Refuse, StreamExchange, type Trailers } from './stream-exchange.ts';
import { wholeness } from './stream-flow.ts';
import { answerStream, refuseStream } from './stream-refusal.ts';
import { wholeStreamBody } from './whole-body.ts';

/** What the streams of a connection have in common. */
export interface Streams {
  readonly door: Door;
  readonly destination: Destination;
  readonly far: ClientHttp2Session;
}

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** One request and its answer on streams of their own. It ends with them; nothing is thrown.
 *  @param bare  nothing follows the head */
export async function carryStream(
  streams: Streams,
  near: ServerHttp2Stream,
  raw: string[],
  bare: boolean,
): Promise<void> {
  const { door, destination, far } = streams;
  near.on('error', () => {});
  const whole = wholeness(near);
  const contain = contained(door.compartment, destination, () => near.close(NGHTTP2_INTERNAL_ERROR));
  const trailers: Trailers = {};
  near.once('trailers', (_trailers: unknown, _flags: number, came: string[]) => {
    trailers.came = came; // perhaps long before the request is judged
  });
  const api = modelApiOf(destination.host, raw[raw.indexOf(':path') + 1] ?? '');
  const refuse: Refuse = async (status, why, ask) => {
    const refused = await refuseRequest(door, destination, status, why, ask);
    if (near.headersSent) near.close(NGHTTP2_INTERNAL_ERROR);
    else refuseStream(near, refused.status, refused.explanation, api);
  };
  const head = readStreamHead(raw);
  if (typeof head === 'string') return refuse(head === TOO_LONG ? 431 : 400, `malformed request: ${head}`);
  if (![head.authority, ...head.hosts].every((one) => isSameHost(one, destination)))
    return refuse(403, `the :authority or Host is not ${hostPort(destination)}`);
  const { method, path: target, headers } = head;
  const held = new HeldBody(door.compartment.heldBodies);
  near.once('close', () => held.release());
  const body = bare ? undefined : await wholeStreamBody(door, destination, head, near, whole, held);
  if (typeof body === 'string') return refuse(400, body);
  const length = bare ? 0 : lengthOf(headers);
  const request = {
    method,
    target,
    headers,
    hasBody: !bare,
    ...(length !== undefined && { length }),
    ...(body && { body }),
  };
  const judged = await judgeRequest(door, destination, request);
  if (judged.kind === 'refused') return refuseStream(near, judged.status, judged.explanation, api);
  if (judged.kind === 'answered') return answerStream(near, judged.status, judged.type, judged.body);
  if (near.destroyed || near.closed) return judged.call.end();
  const authority = hostPort(destination).replace(/:443$/, '');
  const pseudo = [':method', method, ':scheme', 'https', ':authority', authority, ':path', judged.target];
  let onward: ClientHttp2Stream;
  try {
    onward = far.request([...pseudo, ...rawFields(judged.headers)], { endStream: bare, waitForTrailers: !bare });
  } catch {
    near.close(NGHTTP2_REFUSED_STREAM); // the server takes no more on this connection: the client may try on another
    return judged.call.end();
  }
  new StreamExchange({ near, far: onward, whole, contain }, judged, method, refuse).carry(bare ? undefined : trailers);
}

/** Of the body, where it is said before it comes. */
function lengthOf(headers: readonly Header[]): number | undefined {
  const said = headers.find(([name]) => name === 'content-length')?.[1];
  return said !== undefined && /^[0-9]{1,15}$/.test(said) ? Number(said) : undefined;
}

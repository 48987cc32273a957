import { type ClientHttp2Session, type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import type { Destination } from '../../policy/egress.ts';
import { type ModelApi, modelApiOf, refusalBody } from '../../policy/refusal-body.ts';
import { scrubText } from '../../policy/scrub.ts';
import type { Header } from '../../protocol/http1.ts';
import { rawFields, readStreamAnswer, readStreamHead, readStreamTrailers, TOO_LONG } from '../../protocol/http2.ts';
import { passingTrailers } from '../../protocol/trailers.ts';
import { COMPRESSED } from './answer.ts';
import { hostPort } from './compartment.ts';
import { codingOf, decoded, withoutCoding } from './decoding.ts';
import type { Explanation } from './denials.ts';
import { type Go, judgeRequest, MISPLACED, refuseRequest } from './judging.ts';
import type { Door } from './passage.ts';
import { NO_RETRY } from './refuse.ts';
import { isSameHost } from './same-host.ts';
import { wholeStreamBody } from './whole-body.ts';

/** What the streams of a connection have in common. */
export interface Streams {
  readonly door: Door;
  readonly destination: Destination;
  readonly far: ClientHttp2Session;
}

interface Trailers {
  came?: readonly string[];
}

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

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
  const body = bare ? undefined : await wholeStreamBody(door.compartment, destination, headers, near);
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
  if (near.destroyed) return judged.call.end();
  const authority = hostPort(destination).replace(/:443$/, '');
  const pseudo = [':method', method, ':scheme', 'https', ':authority', authority, ':path', judged.target];
  let onward: ClientHttp2Stream;
  try {
    onward = far.request([...pseudo, ...rawFields(judged.headers)], { endStream: bare, waitForTrailers: !bare });
  } catch {
    near.close(NGHTTP2_REFUSED_STREAM); // the server takes no more on this connection: the client may try on another
    return judged.call.end();
  }
  new Exchange(near, onward, judged, method, refuse).carry(bare ? undefined : trailers);
}

type Refuse = (status: number, why: string, ask?: string) => Promise<void>;

/** Of the body, where it is said before it comes. */
function lengthOf(headers: readonly Header[]): number | undefined {
  const said = headers.find(([name]) => name === 'content-length')?.[1];
  return said !== undefined && /^[0-9]{1,15}$/.test(said) ? Number(said) : undefined;
}

/** A refusal is an answer; the connection goes on. */
export function refuseStream(
  stream: ServerHttp2Stream,
  status: number,
  explanation: Explanation,
  api: ModelApi | undefined,
): void {
  stream.on('error', () => {});
  if (stream.destroyed || stream.closed) return;
  const body = Buffer.from(`${JSON.stringify(refusalBody(explanation, status, api))}\n`);
  const type = { 'content-type': 'application/json', 'content-length': body.length, 'cache-control': 'no-store' };
  const more = api && explanation.ask !== null ? Object.fromEntries(NO_RETRY) : {};
  stream.respond({ ':status': status, ...type, ...more });
  stream.end(body, () => stream.close()); // with NO_ERROR: the rest of the request is not wanted (RFC 9113, 8.1)
  stream.resume();
}

/** Answers before the answer (1xx): they are not held back when the client does not take them. */
const MOST_INTERIM = 32;

class Exchange {
  readonly #near: ServerHttp2Stream;
  readonly #far: ClientHttp2Stream;
  readonly #judged: Go;
  readonly #method: string;
  readonly #refuse: Refuse;
  readonly #text: (value: string) => string;
  #refused = false;
  #interims = 0;

  constructor(near: ServerHttp2Stream, far: ClientHttp2Stream, judged: Go, method: string, refuse: Refuse) {
    this.#near = near;
    this.#far = far;
    this.#judged = judged;
    this.#method = method;
    this.#refuse = refuse;
    this.#text = (value) => scrubText(value, judged.reflected);
  }

  /** @param trailers  undefined: nothing follows the head of the request */
  carry(trailers: Trailers | undefined): void {
    const [near, far] = [this.#near, this.#far];
    far.on('error', () => {}); // told by close
    near.once('close', () => far.close(near.rstCode || NGHTTP2_CANCEL));
    far.once('close', () => {
      this.#judged.call.end();
      this.#farClosed();
    });
    far.on('continue', () => this.#interim([':status', '100']));
    far.on('headers', (_headers, _flags, raw) => this.#interim(raw as unknown as string[]));
    far.once('response', (_headers, flags, raw) => this.#answer(raw as unknown as string[], (flags & 1) !== 0));
    if (trailers !== undefined) this.#send(trailers);
    if (near.destroyed) far.close(NGHTTP2_CANCEL);
  }

  #farClosed(): void {
    const [near, far] = [this.#near, this.#far];
    if (near.destroyed || this.#refused) return;
    if (!near.headersSent) this.#broken(502, 'the server ended the stream');
    else if (far.rstCode !== 0) near.close(far.rstCode);
    else if (!far.readableEnded) near.close(NGHTTP2_INTERNAL_ERROR);
  }

  #broken(status: number, why: string, ask?: string): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#far.close(NGHTTP2_CANCEL);
    void this.#refuse(status, why, ask);
  }

  /** The body is not let through to its end: it holds a placeholder, or it was counted too much. */
  #stopped(): void {
    if (this.#refused) return;
    const { stopped } = this.#judged.call;
    if (!stopped) this.#judged.misplaced();
    this.#broken(stopped?.status ?? 403, stopped?.why ?? MISPLACED, stopped?.ask);
  }

  /** The request's body and trailers: what holds a placeholder goes no further. */
  #send(after: Trailers): void {
    const [near, far] = [this.#near, this.#far];
    const scrubber = this.#judged.call.outgoing(this.#judged.stray);
    let trailers: readonly Header[] = [];
    far.once('wantTrailers', () => far.sendTrailers(Object.fromEntries(grouped(trailers))));
    const end = (before: Buffer): void => {
      const rest = scrubber.end();
      if (scrubber.found > 0) this.#stopped();
      else far.end(Buffer.concat([before, rest]));
    };
    if (this.#judged.body) {
      end(scrubber.push(this.#judged.body));
      return;
    }
    const put = (bytes: Buffer): boolean => {
      const clean = scrubber.push(bytes);
      if (scrubber.found > 0) this.#stopped();
      return this.#refused || clean.length === 0 || far.destroyed || far.write(clean);
    };
    flow(near, far, put, () => {
      if (this.#refused || far.destroyed || near.rstCode !== 0) return; // reset: it has only a part
      const read = readStreamTrailers(after.came ?? []);
      if (typeof read === 'string') return this.#broken(400, `malformed request: ${read}`);
      if (this.#judged.strayIn(read)) return this.#stopped();
      trailers = passingTrailers(read);
      end(Buffer.alloc(0));
    });
  }

  #interim(raw: string[]): void {
    this.#interims += 1;
    if (this.#interims > MOST_INTERIM) {
      this.#broken(502, 'too many answers before the answer');
      return;
    }
    const read = readStreamAnswer(raw);
    if (typeof read === 'string' || this.#near.headersSent || this.#near.destroyed || read.status === 101) return;
    this.#near.additionalHeaders({ ':status': read.status, ...Object.fromEntries(grouped(this.#clean(read.headers))) });
  }

  #clean(headers: readonly Header[]): Header[] {
    return headers.map(([name, value]) => [this.#text(name), this.#text(value)]);
  }

  #answer(raw: string[], bare: boolean): void {
    const near = this.#near;
    if (near.destroyed || this.#refused) return;
    const read = readStreamAnswer(raw);
    if (typeof read === 'string') {
      this.#broken(502, `the answer is malformed: ${read}`);
      return;
    }
    const { status } = read;
    this.#judged.call.answered(status);
    const coding = bare || this.#method === 'HEAD' ? undefined : codingOf(read.headers);
    if (coding === 'other' || (coding !== undefined && status === 206)) {
      this.#broken(502, COMPRESSED);
      return;
    }
    const headers = coding === undefined ? read.headers : withoutCoding(read.headers);
    try {
      const fields = [':status', String(status), ...rawFields(this.#clean(headers))];
      near.respond(fields as never, { endStream: bare, waitForTrailers: !bare });
    } catch {
      this.#broken(502, 'the answer is malformed: a field is given twice');
      return;
    }
    if (bare) return;
    this.#receive(coding === undefined ? this.#far : Readable.from(decoded(this.#far, coding)));
  }

  /** The answer's body and trailers, without the values that went out. */
  #receive(body: Readable): void {
    const [near, far] = [this.#near, this.#far];
    const scrubber = this.#judged.call.incoming(this.#judged.reflected);
    let trailers: readonly Header[] = [];
    far.on('trailers', (_trailers, _flags, raw) => {
      const read = readStreamTrailers(raw as unknown as string[]);
      if (typeof read !== 'string') trailers = passingTrailers(this.#clean(read));
    });
    body.on('error', () => near.close(NGHTTP2_INTERNAL_ERROR));
    const put = (bytes: Buffer): boolean => {
      const clean = scrubber.push(bytes);
      return clean.length === 0 || near.destroyed || near.write(clean);
    };
    flow(body, near, put, () => {
      if (far.rstCode !== 0)
        near.close(far.rstCode); // reset: it has only a part
      else if (!near.destroyed) near.end(scrubber.end());
    });
    near.once('wantTrailers', () => near.sendTrailers(Object.fromEntries(grouped(trailers))));
  }
}

/** No faster than it is taken: what is not read here is not granted to the sender either. */
function flow(
  from: Readable,
  to: ServerHttp2Stream | ClientHttp2Stream,
  put: (bytes: Buffer) => boolean,
  over: () => void,
): void {
  to.on('drain', () => from.resume());
  from.on('data', (bytes: Buffer) => {
    if (!put(bytes)) from.pause();
  });
  from.once('end', over);
}

/** Fields of one name together, as the library takes them. */
function grouped(headers: readonly Header[]): [string, string | string[]][] {
  const byName = new Map<string, string[]>();
  for (const [name, value] of headers) byName.set(name, [...(byName.get(name) ?? []), value]);
  return [...byName].map(([name, values]) => [name, values.length === 1 ? (values[0] as string) : values]);
}

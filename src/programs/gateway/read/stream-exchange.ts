import { type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { scrubName, scrubText } from '../../../policy/scrub.ts';
import type { Header } from '../../../protocol/http1.ts';
import { rawFields, readStreamAnswer, readStreamTrailers } from '../../../protocol/http2.ts';
import { passingTrailers } from '../../../protocol/trailers.ts';
import type { Contain } from '../contained.ts';
import { COMPRESSED } from './answer.ts';
import { codingOf, decoded, withoutCoding } from './decoding.ts';
import { type Go, MISPLACED } from './judging.ts';
import { flow, wholeness } from './stream-flow.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;

/** Of the request, as they came: undefined until they do. */
export interface Trailers {
  came?: readonly string[];
}

export type Refuse = (status: number, why: string, ask?: string) => Promise<void>;

/** Answers before the answer (1xx): they are not held back when the client does not take them. */
const MOST_INTERIM = 32;

/** Both ends of one request. */
export interface Pair {
  readonly near: ServerHttp2Stream;
  readonly far: ClientHttp2Stream;
  /** Whether the client has said that its request is whole. */
  readonly whole: () => boolean;
  /** For what is called when something comes. */
  readonly contain: Contain;
}

/** A request that goes on, and its answer, until both streams are over. */
export class StreamExchange {
  readonly #near: ServerHttp2Stream;
  readonly #far: ClientHttp2Stream;
  readonly #nearWhole: () => boolean;
  readonly #farWhole: () => boolean;
  readonly #contain: Contain;
  readonly #judged: Go;
  readonly #method: string;
  readonly #refuse: Refuse;
  #refused = false;
  #interims = 0;

  constructor({ near, far, whole, contain }: Pair, judged: Go, method: string, refuse: Refuse) {
    this.#near = near;
    this.#far = far;
    this.#nearWhole = whole;
    this.#farWhole = wholeness(far);
    this.#contain = contain;
    this.#judged = judged;
    this.#method = method;
    this.#refuse = refuse;
  }

  /** @param trailers  undefined: nothing follows the head of the request */
  carry(trailers: Trailers | undefined): void {
    const [near, far] = [this.#near, this.#far];
    far.on('error', () => {}); // told by close
    const contain = this.#contain;
    near.once('close', () => far.close(near.rstCode || NGHTTP2_CANCEL));
    const closed = contain(() => {
      this.#judged.call.end();
      this.#farClosed();
    });
    far.once('close', closed);
    far.on(
      'headers',
      contain((_headers, _flags, raw) => this.#interim(raw as unknown as string[])),
    );
    far.once(
      'response',
      contain((_headers, flags, raw) => this.#answer(raw as unknown as string[], (Number(flags) & 1) !== 0)),
    );
    if (trailers !== undefined) this.#send(trailers);
    if (near.destroyed || near.closed) far.close(NGHTTP2_CANCEL);
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
    far.once(
      'wantTrailers',
      this.#contain(() => far.sendTrailers(Object.fromEntries(grouped(trailers)))),
    );
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
    flow(near, far, this.#contain, put, () => {
      if (this.#refused || far.destroyed || near.rstCode !== 0 || !this.#nearWhole()) return; // reset: it has only a part
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
    const near = this.#near;
    if (
      this.#refused ||
      typeof read === 'string' ||
      near.headersSent ||
      near.destroyed ||
      near.closed ||
      read.status === 101
    )
      return;
    const fields = Object.fromEntries(grouped(this.#clean(read.headers)));
    try {
      near.additionalHeaders({ ':status': read.status, ...fields });
    } catch {
      // A field is given twice. The answer itself is to come, and nobody is promised what comes before it (RFC 9110, 15.2).
    }
  }

  #clean(headers: readonly Header[]): Header[] {
    const { reflected } = this.#judged;
    return headers.map(([name, value]) => [scrubName(name, reflected), scrubText(value, reflected)]);
  }

  #answer(raw: string[], bare: boolean): void {
    const near = this.#near;
    if (near.destroyed || near.closed || this.#refused) return;
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
    far.on(
      'trailers',
      this.#contain((_trailers, _flags, raw) => {
        const read = readStreamTrailers(raw as unknown as string[]);
        if (typeof read === 'string') this.#broken(502, `the answer is malformed: ${read}`);
        else trailers = passingTrailers(this.#clean(read));
      }),
    );
    body.on('error', () => near.close(NGHTTP2_INTERNAL_ERROR));
    const put = (bytes: Buffer): boolean => {
      const clean = scrubber.push(bytes);
      return clean.length === 0 || near.destroyed || near.write(clean);
    };
    flow(body, near, this.#contain, put, () => {
      if (far.rstCode !== 0 || !this.#farWhole())
        near.close(far.rstCode || NGHTTP2_INTERNAL_ERROR); // reset: it has only a part
      else if (!near.destroyed) near.end(scrubber.end());
    });
    near.once(
      'wantTrailers',
      this.#contain(() => near.sendTrailers(Object.fromEntries(grouped(trailers)))),
    );
  }
}

/** Fields of one name together, as the library takes them. */
function grouped(headers: readonly Header[]): [string, string | string[]][] {
  const byName = new Map<string, string[]>();
  for (const [name, value] of headers) byName.set(name, [...(byName.get(name) ?? []), value]);
  return [...byName].map(([name, values]) => [name, values.length === 1 ? (values[0] as string) : values]);
}

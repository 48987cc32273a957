import { createHash, type Hash, hash } from 'node:crypto';
import { JsonPicker } from '../../../policy/meter/json-picker.ts';
import { modelInPath } from '../../../policy/meter/model-calls.ts';
import { UsageReader } from '../../../policy/meter/usage-reader.ts';
import type { Pattern, Scrubber } from '../../../policy/scrub.ts';
import type { Compartment } from '../compartment.ts';
import { hostPort } from '../compartment.ts';
import type { Outside } from '../door.ts';
import { type Stopped, stoppedStatus } from '../usage/budgets.ts';
import { Incoming, Outgoing } from './watched-bodies.ts';

const MODEL = new Set(['model']);
/** So much of a body says whether it is the same as another; beyond it, its length. */
const MOST_HASHED = 1024 * 1024;

export interface Sent {
  readonly method: string;
  readonly host: string;
  readonly port: number;
  /** Path and query, as the agent sent them. */
  readonly target: string;
  /** Of the body; absent: it says so itself where it ends. */
  readonly length?: number;
  /** Tokens are expected in the answer. */
  readonly costly: boolean;
}

/** One request that has been counted, and its answer: both bodies pass through here, nothing of them is kept. What stops it is seen when the
 *  request's last byte is there, and that byte is held back until then: a server never has a whole request that was refused. */
export class Call {
  readonly #compartment: Compartment;
  readonly #outside: Outside;
  readonly #sent: Sent;
  /** Of a body that came so far; most requests have none. */
  #hash: Hash | undefined;
  readonly #reader: UsageReader | undefined;
  #model: string | undefined;
  #status = 0;
  #up = 0;
  #down = 0;
  #whole = false;
  #complete = false;
  #counted = false;
  /** Why its body was not let through to the end. */
  stopped: (Stopped & { readonly status: number }) | undefined;

  constructor(compartment: Compartment, outside: Outside, sent: Sent) {
    this.#compartment = compartment;
    this.#outside = outside;
    this.#sent = sent;
    if (sent.method !== 'POST') return; // nothing else calls a model
    this.#model = modelInPath(sent.target.replace(/\?.*$/s, ''));
    this.#reader = new UsageReader();
  }

  /** It has no body. */
  bodiless(): Call['stopped'] {
    this.#completed();
    return this.stopped;
  }

  /** What the request's body passes through. @param stray  what must not be in it */
  outgoing(stray: readonly Pattern[]): Scrubber {
    const { length } = this.#sent;
    const picker = this.#sent.costly ? new JsonPicker((path, value) => this.#named(path, value), MODEL) : undefined;
    const taken = (chunk: Buffer): void => {
      if (this.#up < MOST_HASHED && !this.#complete) this.#hashed(chunk.subarray(0, MOST_HASHED - this.#up));
      this.#up += chunk.length;
      picker?.push(chunk);
    };
    return new Outgoing(stray, length, taken, () => this.#completed());
  }

  /** The status of the answer, of which only a good one costs anything. */
  answered(status: number): void {
    this.#status = status;
  }

  /** What the answer's body passes through. @param reflected  what must not come back */
  incoming(reflected: readonly Pattern[]): Scrubber {
    const taken = (chunk: Buffer): void => {
      this.#down += chunk.length;
      this.#reader?.push(chunk);
    };
    return new Incoming(reflected, taken, () => {
      this.#whole = true;
      this.#count();
    });
  }

  /** Nothing more passes of it, however it ended. */
  end(): void {
    this.#count();
  }

  /** Once, as soon as the answer is there: a server may give it before the request has ended, which an agent may leave open. */
  #count(): void {
    const { method, host, costly } = this.#sent;
    if (method !== 'POST' || this.#counted || !(this.#complete || this.#whole) || this.stopped || !this.#reader) return;
    this.#counted = true;
    const usage = this.#reader.end(this.#whole);
    const good = this.#status === 0 || this.#status < 400;
    if (usage.tokens === undefined && !(costly && good)) return;
    const { meter } = this.#compartment;
    if (usage.tokens !== undefined) meter.costs(host);
    meter.answer(usage, this.#model, { up: this.#up, down: this.#down });
  }

  #named(path: string, value: number | string): void {
    if (path === 'model' && typeof value === 'string' && /^[A-Za-z0-9][\w.:/@[\]-]{0,99}$/.test(value))
      this.#model = value;
  }

  get #line(): string {
    const { method, host, port, target } = this.#sent;
    return `${method} ${hostPort({ host, port, literal: false })} ${target}\n`;
  }

  #hashed(bytes: Buffer): void {
    this.#hash ??= createHash('sha256').update(this.#line);
    this.#hash.update(bytes);
  }

  /** Equal for equal requests. */
  #same(): string {
    const length = `\n${this.#up}`;
    return this.#hash?.update(length).digest('base64') ?? hash('sha256', this.#line + length, 'base64');
  }

  /** @returns whether it must not be completed */
  #completed(): boolean {
    if (this.#complete) return false; // a body of no bytes was known before it came
    const { meter } = this.#compartment;
    const unknown = this.#sent.costly ? meter.model(this.#model) : undefined;
    if (unknown) return this.#stop('model', unknown.why, unknown.ask, true);
    const loop = meter.breaks ? meter.repeated(this.#same(), this.#sent.method) : undefined;
    if (loop)
      return this.#stop(
        'loop',
        loop.why,
        'stop repeating it; your operator can set budget: { repeats: ... }',
        loop.first,
      );
    this.#complete = true;
    return false;
  }

  #stop(kind: 'loop' | 'model', why: string, ask: string, tell: boolean): true {
    this.stopped = { why, ask, status: stoppedStatus(this.#sent.costly) };
    this.#compartment.meter.refused();
    const { method, host, port, target } = this.#sent;
    if (tell) {
      const path = target.replace(/[?#].*$/s, '').slice(0, 300);
      const entry = { method, host, port, path, why };
      this.#compartment.overused(kind, entry, `${why}: ${method} ${host}`, this.#outside.finding);
    }
    return true;
  }
}

import type { Socket } from 'node:net';
import type { EgressRule } from '../../model/fleet.ts';
import type { AgentName } from '../../model/names.ts';
import type { SecretBinding } from '../../model/secret-binding.ts';
import type { SshBinding } from '../../model/ssh-binding.ts';
import {
  closestRules,
  type Destination,
  type EgressVerdict,
  grantLine,
  isAt,
  judgeEgress,
} from '../../policy/egress.ts';
import { areRead, type RuledRequest, whyNotRequest } from '../../policy/request-rules.ts';
import { type Address, parseAddress } from '../../protocol/address.ts';
import type { Host } from '../../protocol/host.ts';
import { Answers } from './answers.ts';
import type { Grant } from './asking.ts';
import { LIMITS } from './limits.ts';
import { INTERNAL, SyntheticNames, syntheticNumber } from './names/names.ts';
import { RefusedNames } from './names/refused-names.ts';
import { Closings } from './passages/closings.ts';
import { Pace } from './passages/pace.ts';
import type { Passage } from './passages/passage.ts';
import { HeldBodies } from './read/held-bodies.ts';
import { KeptServers } from './read/kept-servers.ts';
import type { Entry, Recorder } from './record/record.ts';
import { Denials, type Explanation } from './refusals/denials.ts';
import { Refusals } from './refusals/refusals.ts';
import { Heard } from './ssh/ssh-heard.ts';
import { TimeServers } from './time/time-servers.ts';
import { Meter } from './usage/meter.ts';

const TELL_MS = 60_000;

export type Malformed = Extract<Host, { kind: 'bad' }>;

/** What the gateway knows of one agent's compartment. */
export class Compartment {
  readonly name: AgentName;
  #rules: readonly EgressRule[] = [];
  /** What the rules say of destinations that were asked for lately. */
  readonly #verdicts = new Map<string, EgressVerdict>();
  /** The last one: it is asked several times in a row for one connection. */
  #latest: { readonly of: Destination; readonly verdict: EgressVerdict } | undefined;
  /** The rules that decide about requests to them. */
  readonly #closest = new Map<string, readonly EgressRule[]>();
  /** Destinations that a person has approved. */
  grants: readonly Grant[] = [];
  /** Which secrets go where. */
  bindings: readonly SecretBinding[] = [];
  /** Where it has SSH keys for, and what servers there said at first. */
  ssh: readonly SshBinding[] = [];
  readonly heard: Heard = new Heard();
  readonly #told = new Map<string, number>();
  /** Set: destinations that no rule grants are asked for, and held so long. Milliseconds. */
  askMs: number | undefined;
  /** Commands that it may have run outside, as text. */
  elevated: readonly string[] = [];
  /** Just revoked, and being tested to be refused. */
  barred: Omit<Grant, 'once'> | undefined;
  readonly answers: Answers = new Answers();
  readonly names: SyntheticNames;
  readonly denials: Denials = new Denials(LIMITS.denials);
  readonly #refusals: Refusals;
  readonly #refusedNames: RefusedNames;
  readonly closings: Closings;
  /** What it uses, and may. */
  readonly meter: Meter;
  readonly heldBodies: HeldBodies = new HeldBodies();
  /** WebSockets, by the connection from inside, each with the request that it began as. */
  readonly webSockets: Map<Socket, { readonly destination: Destination; readonly request: RuledRequest }> = new Map();
  /** Allowed connections that are not closed yet. */
  readonly passages: Set<Passage> = new Set();
  /** Connections to servers that none of these has now. */
  readonly kept: KeptServers = new KeptServers();
  /** What it knows of the time elsewhere. */
  readonly time: TimeServers = new TimeServers();
  readonly pace: Pace = new Pace(LIMITS.connectionsPerSecond);
  /** Connections from inside, decided or not. */
  connections = 0;
  allowed = 0;
  denied = 0;

  constructor(name: AgentName, dir: string, recorder: Recorder) {
    this.name = name;
    this.names = new SyntheticNames(dir, name, LIMITS.names);
    this.meter = new Meter(dir, name);
    this.closings = new Closings(recorder, name);
    this.#refusals = new Refusals(recorder, name, LIMITS.refusals);
    this.#refusedNames = new RefusedNames((entry, now, count) => this.#refusals.add(entry, now, count));
  }

  get rules(): readonly EgressRule[] {
    return this.#rules;
  }

  set rules(rules: readonly EgressRule[]) {
    this.#rules = rules;
    this.#verdicts.clear();
    this.#latest = undefined;
    this.#closest.clear();
    this.time.retain((destination, address) => {
      const verdict = this.judge(destination);
      return verdict.kind === 'allow' && verdict.address === address;
    }, 'policy changed');
  }

  /** `judgeEgress` by the rules of this moment. */
  judge(destination: Destination): EgressVerdict {
    if (this.#latest?.of === destination) return this.#latest.verdict;
    const key = `${destination.literal ? '=' : ''}${hostPort(destination)}${destination.protocol ?? ''}`;
    let verdict = this.#verdicts.get(key);
    if (verdict === undefined) {
      if (this.#verdicts.size >= LIMITS.verdicts) this.#verdicts.clear(); // the agent chooses what it asks for
      verdict = judgeEgress(this.#rules, destination);
      this.#verdicts.set(key, verdict);
    }
    this.#latest = { of: destination, verdict };
    return verdict;
  }

  /** Whether what goes to a destination is read: a secret is bound to it, or its rules are about requests. All else passes unread. */
  reads(destination: Destination): boolean {
    return this.binds(destination) || areRead(this.#rulesAt(destination), destination);
  }

  /** Whether a secret is bound to it. */
  binds(destination: Destination): boolean {
    return this.bindings.some((one) => isAt(one, destination));
  }

  /** Why no rule grants a request to a destination that may be reached. */
  whyNot(destination: Destination, request: RuledRequest): string | undefined {
    return whyNotRequest(this.#rulesAt(destination), destination, request);
  }

  #rulesAt(destination: Destination): readonly EgressRule[] {
    const key = `${destination.literal ? '=' : ''}${hostPort(destination)}${destination.protocol ?? ''}`;
    const known = this.#closest.get(key);
    if (known !== undefined) return known;
    if (this.#closest.size >= LIMITS.verdicts) this.#closest.clear();
    const found = closestRules(this.#rules, destination);
    this.#closest.set(key, found);
    return found;
  }

  /** Where a connection to a host or address leads: a synthetic address stands for its name. */
  destination(host: Exclude<Host, { kind: 'bad' }>, port: number): Destination {
    if (host.kind === 'name') return { host: host.name, port, literal: false };
    const number = syntheticNumber(host.address);
    const name = number === undefined ? undefined : this.names.nameOf(number);
    return name === undefined ? { host: host.address, port, literal: true } : { host: name, port, literal: false };
  }

  /** @param address  the local address of an accepted connection: what the agent asked for; a zone says nothing more */
  destinationOf(address: string, port: number): Destination {
    const name = this.names.at(address);
    if (name !== undefined) return { host: name, port, literal: false };
    const parsed = parseAddress(address.replace(/%.*$/, ''));
    if (parsed === undefined) throw new TypeError(`the kernel gave ${address} as a local address`);
    return this.destination({ kind: 'address', address: parsed as Address }, port);
  }

  /** A granted connection that was made and never used: it went nowhere, and is on record like any other. */
  unused({ host, port }: Destination, via: string): void {
    const { name: agent } = this;
    this.closings.add({ event: 'egress.closed', agent, host, port, via, up: 0, down: 0, why: 'nothing was sent' });
  }

  /** Records a refused connection and remembers it for the agent. Resolves when it is on disk (or counted). */
  async refuse(
    destination: Destination,
    via: string,
    why: string,
    now: number,
    more: { readonly ask?: string; readonly test?: true } = {},
  ): Promise<Explanation> {
    const { host, port } = destination;
    this.denied += 1;
    const askable = host !== INTERNAL && this.judge(destination).kind === 'deny';
    const explanation = {
      denied: hostPort(destination),
      rule: why,
      ask: more.ask ?? (askable ? grantLine(this.name, destination) : null),
    };
    this.denials.add(explanation, now);
    await this.record({ event: 'egress.denied', host, port, via, why, ...(more.test && { test: true }) }, now);
    return explanation;
  }

  /** The same for a host that is none: no rule could grant it. */
  async refuseMalformed(host: Malformed, port: number, via: string, now: number): Promise<Explanation> {
    const shown = host.raw.slice(0, 260);
    this.denied += 1;
    const explanation = { denied: JSON.stringify(shown), rule: host.why, ask: null };
    this.denials.add(explanation, now);
    await this.record({ event: 'egress.denied', host: shown, port, via, why: host.why }, now);
    return explanation;
  }

  /** A placeholder, or somebody else's credential, where none belongs. A person hears of the same thing once a minute. */
  misused(
    what: { readonly host: string; readonly port: number; readonly why: string; readonly [field: string]: unknown },
    tell: (agent: string, text: string) => void,
  ): void {
    void this.record({ event: 'secret.misused', ...what }, Date.now()); // it never rejects
    this.#tellOnce(`${what.why}: to ${what.host}:${what.port}`, tell);
  }

  /** Its signer was asked for what it does not sign. */
  refuseSigning(why: string, where: object, tell: (agent: string, text: string) => void): void {
    void this.record({ event: 'ssh.refused', why, ...where }, Date.now()); // it never rejects
    this.#tellOnce(`its SSH signer was asked ${why.startsWith('to ') ? why : `wrongly: ${why}`}`, tell);
  }

  /** What served one of its connections threw. Resolves nothing: the connection is over whatever becomes of the entry. */
  broke(bug: unknown, destination: Destination | undefined): void {
    const { message, stack, code } = (bug instanceof Error ? bug : new Error(String(bug))) as NodeJS.ErrnoException;
    const where = destination && { host: destination.host, port: destination.port };
    void this.record({ event: 'egress.broken', ...where, why: message.slice(0, 300) }, Date.now()); // it never rejects
    this.#tellOnce(`broken: ${code ?? message}`, () => console.error(`${this.name}: a connection was ended: ${stack}`));
  }

  /** A request was stopped for what it would use. What the agent chose does not make it another thing to hear of.
   *  @param kind  one of few */
  overused(kind: 'loop' | 'model', entry: object, text: string, tell: (agent: string, text: string) => void): void {
    void this.record({ event: 'budget.stopped', ...entry }, Date.now()); // it never rejects
    this.#tellOnce(text, tell, kind);
  }

  #tellOnce(text: string, tell: (agent: string, text: string) => void, key: string = text): void {
    const now = Date.now();
    if (now - (this.#told.get(key) ?? 0) < TELL_MS) return;
    if (this.#told.size >= LIMITS.denials) this.#told.clear();
    this.#told.set(key, now);
    tell(this.name, text);
  }

  /** Records a refused question. Resolves when it is on disk (or counted). */
  refuseName(name: string, type: number, why: string, now: number): Promise<void> {
    this.denied += 1;
    return this.#refusedNames.add(name, type, why, now);
  }

  /** What was refused and only counted so far is written, if the ledger takes it: nothing more comes. */
  async settle(): Promise<void> {
    await this.#refusedNames.settle();
    await this.#refusals.settle();
  }

  record(entry: Entry, now: number): Promise<void> {
    return this.#refusals.add(entry, now);
  }
}

export function hostPort({ host, port }: Destination): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

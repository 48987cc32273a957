import type { Socket } from 'node:net';
import type { Allowed, Destination } from '../../policy/egress.ts';
import { isModelHost } from '../../policy/meter/model-calls.ts';
import type { Address } from '../../protocol/address.ts';
import { type Grant, type Inbox, judgeOrAsk } from './asking.ts';
import type { Authority } from './authority.ts';
import { admit, type Stopped } from './budgets.ts';
import { type Compartment, hostPort } from './compartment.ts';
import type { Credentials } from './credentials.ts';
import type { Explanation } from './denials.ts';
import { dialFirst } from './dial.ts';
import type { Commands } from './do.ts';
import { LIMITS } from './limits.ts';
import type { Recorder } from './record.ts';
import { addressesOnly, inTime, judgeAddresses, type Resolve } from './resolve.ts';
import type { Roots } from './roots.ts';
import type { SignIns } from './sign-ins.ts';
import { isForSsh } from './ssh-heard.ts';
import type { SshKeys } from './ssh-keys.ts';

/** The world around the gateway. */
export interface Outside {
  readonly recorder: Recorder;
  readonly resolve: Resolve;
  readonly inbox: Inbox;
  /** Absent: nothing runs outside. */
  readonly commands?: Commands;
  readonly keys: Keys;
  /** Absent: nobody is signed in anywhere. */
  readonly signIns?: Pick<SignIns, 'endpointOf' | 'refresh'>;
  /** Something a person should hear of. */
  readonly finding: (agent: string, text: string) => void;
}

/** What connections on which secrets go out need. */
export interface Keys {
  readonly authority: Authority;
  readonly roots: Roots;
  readonly credentials: Credentials;
  /** Absent: no agent has an SSH key. */
  readonly ssh?: SshKeys;
}

/** A connection from inside, and how it came. */
export interface Door {
  readonly outside: Outside;
  readonly compartment: Compartment;
  readonly client: Socket;
  /** `direct`, `connect`, `proxy` or `socks`. */
  readonly via: string;
}

type Terms = Allowed & { readonly grant?: Grant };

/** One allowed connection, from the verdict to its last byte. `egress.closed` is written once for each that was written as
 *  allowed. */
export class Passage {
  readonly destination: Destination;
  readonly terms: Terms;
  readonly #door: Door;
  readonly #began = performance.now();
  #address: Address | undefined;
  #upstream: Socket | undefined;
  #why: string | undefined;
  #recorded = false;
  /** Of what has passed, what is counted. */
  #up = 0;
  #down = 0;
  /** Where the far end stood when it became this one's. */
  #before = { up: 0, down: 0 };
  /** What had passed when the far end was left to others. */
  #left: { readonly up: number; readonly down: number } | undefined;
  #done = false;
  #whenClosed: (() => void)[] = [];
  /** What passes is read, and may have had secrets put into it. */
  read = false;

  constructor(door: Door, destination: Destination, terms: Terms) {
    this.#door = door;
    this.destination = destination;
    this.terms = terms;
    door.compartment.passages.add(this);
  }

  get client(): Socket {
    return this.#door.client;
  }

  closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#done) resolve();
      else this.#whenClosed.push(resolve);
    });
  }

  /** Why it was ended by us; undefined while it stands or if the two ends closed it. */
  get ended(): string | undefined {
    return this.#why;
  }

  /** Counts what has passed since the last time. @returns why nothing more may */
  measure(): string | undefined {
    if (this.#upstream === undefined && this.#left === undefined) return undefined; // nothing has passed: it may be held until there is room
    const { up, down } = this.#passed;
    const over = this.#door.compartment.meter.bytes(Math.max(0, up - this.#up), Math.max(0, down - this.#down));
    this.#up = up;
    this.#down = down;
    return over?.why;
  }

  /** Cuts both ends, at whatever stage. The first reason stays. */
  end(why: string): void {
    this.#why ??= why;
    this.#door.client.destroy();
    if (this.#upstream === undefined) this.finish();
    else this.#upstream.destroy();
  }

  /** Gives up the far end; the client may still be told why. */
  abandon(why: string): void {
    this.finish(why);
    this.#upstream?.destroy();
  }

  /** @throws Error if it was ended meanwhile; what was written as allowed is then written as closed */
  recorded(): void {
    this.#recorded = true;
    this.#door.compartment.allowed += 1;
    if (this.#done) this.#write();
    this.stands();
  }

  /** @throws Error once it was ended */
  stands(): void {
    if (this.#why !== undefined) throw new Error(this.#why);
  }

  /** An attempt to connect; `end` destroys it. */
  dialling(upstream: Socket, address: Address): void {
    this.#upstream = upstream;
    this.#address = address;
  }

  connected(upstream: Socket): void {
    upstream.once('close', this.#farClosed);
    if (this.#door.client.destroyed) upstream.destroy();
  }

  /** A far end that stood before: what passed on it then is not this one's. */
  takes(upstream: Socket, address: Address): void {
    this.dialling(upstream, address);
    this.#before = { up: upstream.bytesWritten, down: upstream.bytesRead };
    this.connected(upstream);
  }

  /** The far end stands on without it. The client may still hear something. */
  leaves(): void {
    this.#left = this.#passed;
    this.#upstream?.off('close', this.#farClosed);
    this.#upstream = undefined;
    this.#farClosed();
  }

  readonly #farClosed = (): void => {
    const { client } = this.#door;
    if (client.destroyed) this.finish();
    else client.once('close', () => this.finish());
  };

  get #passed(): { readonly up: number; readonly down: number } {
    if (this.#left) return this.#left;
    const { bytesWritten = 0, bytesRead = 0 } = this.#upstream ?? {};
    return { up: bytesWritten - this.#before.up, down: bytesRead - this.#before.down };
  }

  /** Where its far end is. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** Nobody has ended it. */
  get open(): boolean {
    return !this.#done && this.#why === undefined;
  }

  /** The server's words begin to pass as they are. */
  flows(upstream: Socket): void {
    const { heard, ssh } = this.#door.compartment;
    if (isForSsh(ssh, this.destination)) heard.listen(this, this.destination, upstream);
  }

  /** Nothing passes any more. */
  finish(why?: string): void {
    if (this.#done) return;
    this.#done = true;
    this.#why ??= why;
    this.#door.compartment.passages.delete(this);
    this.measure();
    for (const resolve of this.#whenClosed.splice(0)) resolve();
    if (this.#recorded) this.#write();
  }

  #write(): void {
    const { host, port } = this.destination;
    this.#door.compartment.closings.add({
      event: 'egress.closed',
      agent: this.#door.compartment.name,
      host,
      port,
      address: this.#address,
      ...this.#passed,
      ms: Math.round(performance.now() - this.#began),
      why: this.#why,
    });
  }
}

export interface Open {
  readonly kind: 'open';
  readonly upstream: Socket;
  readonly passage: Passage;
}

export type Opened =
  | Open
  /** `denied` by policy, `unreachable` although allowed, `unrecorded`: the ledger did not take it. */
  | { readonly kind: 'denied' | 'unreachable' | 'unrecorded'; readonly explanation: Explanation };

/** Decides, records, resolves, dials, in this order; each step only after the one before. The upstream socket is paused. */
export async function openPassage(
  door: Door,
  destination: Destination,
  more: { readonly read?: true; readonly method?: string } = {},
): Promise<Opened> {
  const { compartment, outside, via } = door;
  const verdict = await judgeOrAsk(outside.inbox, compartment, destination);
  if (verdict.kind !== 'allow') return denied(door, destination, verdict.why, verdict);
  // From here on policy and revocations find it: they end it while a person is asked.
  const passage = new Passage(door, destination, verdict);
  passage.read = more.read === true;
  const stopped = (await unusable(door, verdict.grant)) ?? (await overBudget(door, destination, 'method' in more));
  const ended = passage.ended ?? stopped?.why;
  if (ended !== undefined) {
    passage.finish();
    return denied(door, destination, ended, passage.ended === undefined ? stopped : {});
  }
  const { host, port } = destination;
  const { rule, address } = verdict;
  const entry = { event: 'egress.allowed', agent: compartment.name, host, port, via, rule, address, ...more };
  try {
    await outside.recorder.append([entry], 'accepted');
  } catch {
    passage.finish();
    const explanation = await compartment.refuse(destination, via, 'the record cannot be written', Date.now());
    return { kind: 'unrecorded', explanation };
  }
  return dialPassage(door, passage, address as Address | undefined);
}

async function dialPassage(door: Door, passage: Passage, pinned: Address | undefined): Promise<Opened> {
  const { destination } = passage;
  try {
    passage.recorded();
    const resolved =
      pinned === undefined
        ? judgeAddresses(await inTime(door.outside.resolve(destination.host), LIMITS.dialMs))
        : addressesOnly([pinned]);
    passage.stands();
    if (resolved.kind === 'refused') {
      const why = `${destination.host} resolves to ${resolved.address}, which is ${resolved.is}`;
      passage.finish(why);
      return denied(door, destination, why);
    }
    const upstream = await dialFirst(passage, resolved.addresses);
    return { kind: 'open', upstream, passage };
  } catch (error) {
    const why = passage.ended ?? `not reached: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`;
    passage.finish(why);
    return { kind: 'unreachable', explanation: { denied: hostPort(destination), rule: why, ask: null } };
  }
}

async function denied(
  door: Door,
  destination: Destination,
  why: string,
  more: { readonly ask?: string; readonly test?: true } = {},
): Promise<Opened> {
  return { kind: 'denied', explanation: await door.compartment.refuse(destination, door.via, why, Date.now(), more) };
}

/** What passes unread is one request; what is read is counted request by request.
 *  @param single  one request of plain HTTP, which is counted here */
async function overBudget(
  { compartment, outside }: Door,
  destination: Destination,
  single: boolean,
): Promise<Stopped | undefined> {
  const { meter } = compartment;
  const { host } = destination;
  if (compartment.reads(destination) && !single) return undefined;
  if (meter.countsTokens && isModelHost(host))
    return { why: 'its tokens are to be counted, and here they cannot be', ask: 'your operator binds a secret to it' };
  return admit(compartment, outside, () => meter.request(false));
}

/** The use of a grant is recorded by the warden before it returns. */
async function unusable(
  { compartment, outside }: Door,
  grant: Grant | undefined,
): Promise<{ why: string; ask?: string } | undefined> {
  if (grant === undefined) return undefined;
  try {
    await inTime(outside.inbox.use(compartment.name, grant.id), LIMITS.askMs);
    return undefined;
  } catch (error) {
    return { why: (error as Error).message };
  }
}

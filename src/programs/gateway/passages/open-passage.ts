import type { Socket } from 'node:net';
import { inTime } from '../../../host/in-time.ts';
import type { Destination } from '../../../policy/egress.ts';
import { isModelHost } from '../../../policy/meter/model-calls.ts';
import type { Address } from '../../../protocol/address.ts';
import { type Grant, judgeOrAsk } from '../asking.ts';
import { hostPort } from '../compartment.ts';
import type { Door } from '../door.ts';
import { LIMITS } from '../limits.ts';
import { addressesOf } from '../names/resolve.ts';
import type { Explanation } from '../refusals/denials.ts';
import { admit, type Stopped } from '../usage/budgets.ts';
import { dialFirst } from './dial.ts';
import { isRead } from './is-read.ts';
import { Passage } from './passage.ts';

export interface Open {
  readonly kind: 'open';
  readonly upstream: Socket;
  readonly passage: Passage;
}

export type Opened =
  | Open
  /** `denied` by policy, `unreachable` although allowed, `unrecorded`: the ledger did not take it. */
  | { readonly kind: 'denied' | 'unreachable' | 'unrecorded'; readonly explanation: Explanation };

/** What a request is answered with where none was opened. */
export const UNOPENED: Readonly<Record<Exclude<Opened['kind'], 'open'>, number>> = {
  denied: 403,
  unreachable: 502,
  unrecorded: 503,
};

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
    const resolved = await addressesOf(door.outside.resolve, destination.host, pinned, LIMITS.dialMs);
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
async function overBudget(door: Door, destination: Destination, single: boolean): Promise<Stopped | undefined> {
  const { compartment, outside } = door;
  const { meter } = compartment;
  const { host } = destination;
  const read = isRead(door, destination);
  if (read && !single) return undefined;
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

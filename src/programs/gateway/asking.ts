import { inTime } from '../../host/in-time.ts';
import type { Cap } from '../../model/budget.ts';
import { refusedAddress } from '../../policy/addresses.ts';
import { type Allowed, type Destination, isAt } from '../../policy/egress.ts';
import { parseAddress } from '../../protocol/address.ts';
import type { Compartment } from './compartment.ts';
import { LIMITS } from './limits.ts';
import { INTERNAL } from './names/names.ts';

/** An approved destination, as the warden says. */
export interface Grant {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly once: boolean;
}

/** The warden's side of questions. */
export interface Inbox {
  ask(agent: string, terms: { host: string; port: number }): Promise<Reply>;
  /** More of a cap, for one day. */
  askBudget(agent: string, terms: { cap: Cap; day: string; upTo: number }): Promise<Reply>;
  /** Rejects: the connection is not made. */
  use(agent: string, grant: number): Promise<void>;
}

export interface Reply {
  readonly state: 'asked' | 'approved' | 'refused' | 'flood';
  readonly id?: number;
  readonly why?: string;
  readonly deadline?: number;
}

/** A verdict over rules, then over what people have approved. */
export type Judged = (Allowed & { readonly grant?: Grant }) | Denied;
export interface Denied {
  readonly kind: 'deny';
  readonly why: string;
  /** What the agent is told to do; absent: the line of fleet.yaml that would allow it. */
  readonly ask?: string;
  /** It was refused to the product's own test of a revoked grant. */
  readonly test?: true;
}

/** What rules and grants say by themselves; nobody is asked. */
export function judge(compartment: Compartment, destination: Destination): Judged {
  const verdict = compartment.judge(destination);
  if (verdict.kind === 'allow') return verdict;
  const why = verdict.why;
  const { barred } = compartment;
  const { host } = destination;
  if (barred && isAt(barred, destination))
    return { kind: 'deny', why: `approval ${barred.id} was revoked`, test: true };
  const grant = compartment.grants.find((one) => isAt(one, destination));
  if (grant === undefined) return { kind: 'deny', why };
  return { kind: 'allow', rule: `approval ${grant.id}`, grant, ...(destination.literal && { address: host }) };
}

/** Where no rule says yes and policy lets it be asked: asks, and holds the connection for a short time. A person's answer that comes
 *  later serves the next attempt. */
export async function judgeOrAsk(inbox: Inbox, compartment: Compartment, destination: Destination): Promise<Judged> {
  const first = judge(compartment, destination);
  if (first.kind === 'allow' || first.test || !mayAsk(compartment, destination)) return first;
  const { host, port } = destination;
  let reply: Reply;
  try {
    reply = await inTime(inbox.ask(compartment.name, { host, port }), LIMITS.askMs);
  } catch (error) {
    return { kind: 'deny', why: `${first.why}, and nobody could be asked: ${(error as Error).message}` };
  }
  const { id } = reply;
  if (reply.state === 'flood' || id === undefined) return { kind: 'deny', why: `${first.why}, and ${reply.why}` };
  if (reply.state === 'refused') return refused(id);
  const ended = await compartment.answers.wait(id, Math.min(compartment.askMs ?? 0, LIMITS.heldMs), () =>
    compartment.grants.some((grant) => grant.id === id),
  );
  const now = judge(compartment, destination);
  if (now.kind === 'allow') return now;
  return ended === undefined ? waiting(id, reply.deadline) : refused(id, ended);
}

/** Names, and public addresses. What is somebody's own network, or the host's, is granted by name in fleet.yaml or not at all. */
function mayAsk({ askMs }: Compartment, { host, port, literal }: Destination): boolean {
  if (askMs === undefined || port === 53 || host === INTERNAL) return false;
  if (!literal) return true;
  const address = parseAddress(host);
  return address !== undefined && refusedAddress(address) === undefined;
}

function waiting(id: number, deadline: number | undefined): Denied {
  const until = deadline === undefined ? '' : ` until ${new Date(deadline).toISOString()}`;
  const why = `waiting for approval ${id}`;
  return { kind: 'deny', why, ask: `question ${id} waits for your operator${until}; try again once it is approved` };
}

function refused(id: number, state = 'refused'): Denied {
  const why = state === 'refused' ? `a person refused it (question ${id})` : `question ${id} was ${state}`;
  return { kind: 'deny', why, ask: `an operator decides (question ${id})` };
}

import type { Budget } from '../../model/budget.ts';
import { canonicalJson } from '../../model/canonical.ts';
import type { EgressRule } from '../../model/fleet.ts';
import type { AgentName } from '../../model/names.ts';
import type { SecretBinding } from '../../model/secret-binding.ts';
import type { SshBinding } from '../../model/ssh-binding.ts';
import { type Destination, isAt } from '../../policy/egress.ts';
import type { Prices } from '../../policy/meter/prices.ts';
import { type Grant, judge } from './asking.ts';
import type { Compartment } from './compartment.ts';
import type { Passage } from './passages/passage.ts';
import { isForSsh } from './ssh/ssh-heard.ts';

export interface AgentPolicy {
  readonly name: AgentName;
  readonly egress: readonly EgressRule[];
  readonly grants: readonly Grant[];
  /** Absent: nothing is asked. Milliseconds. */
  readonly askMs?: number;
  /** Commands that run outside for it, as text. */
  readonly elevated?: readonly string[];
  readonly secrets: readonly SecretBinding[];
  readonly budget: Budget;
  /** How long a request over it is held while a person is asked. */
  readonly budgetMs: number;
  readonly ssh: readonly SshBinding[];
}

/** What else is another with a policy. */
export interface Changed {
  /** Servers are verified under other roots. */
  readonly rooted: boolean;
  readonly prices: Prices;
}

/** From now on a compartment is held to this policy; to none, it may nothing.
 *  @returns what may not go on, or not on these terms: to be ended by the caller */
export function obey(
  compartment: Compartment,
  policy: AgentPolicy | undefined,
  { rooted, prices }: Changed,
): Passage[] {
  const { bindings, ssh } = compartment;
  compartment.bindings = policy?.secrets ?? [];
  compartment.ssh = policy?.ssh ?? [];
  compartment.kept.clear();
  compartment.rules = policy?.egress ?? [];
  compartment.grants = policy?.grants ?? [];
  compartment.askMs = policy?.askMs;
  compartment.elevated = policy?.elevated ?? [];
  compartment.meter.rule(policy?.budget ?? {}, policy?.budgetMs ?? 0, prices);
  for (const { id } of compartment.grants) compartment.answers.give(id, undefined);
  const rebound = canonicalJson(bindings) !== canonicalJson(compartment.bindings);
  const rekeyed = canonicalJson(ssh) !== canonicalJson(compartment.ssh);
  const touched = (to: Destination): boolean =>
    (rebound && [...bindings, ...compartment.bindings].some((one) => isAt(one, to))) ||
    (rekeyed && isForSsh([...ssh, ...compartment.ssh], to));
  return [...compartment.passages].filter(({ destination, terms, read, client }) => {
    const verdict = judge(compartment, destination);
    const same = verdict.kind === 'allow' && verdict.address === terms.address;
    const unread = !read && compartment.reads(destination);
    const socket = compartment.webSockets.get(client);
    const ungranted = socket !== undefined && compartment.whyNot(socket.destination, socket.request) !== undefined;
    const other = touched(destination) || ungranted || (rooted && read);
    if (same && !unread && !other) return false;
    // What was approved once is used up, and stands until it ends, is revoked, or its agent is no longer there.
    return other || !terms.grant?.once || policy === undefined;
  });
}

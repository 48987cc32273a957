import { argumentsOf } from './arguments.ts';
import type { AccessTest, AgentFacts, Attack } from './attack.ts';
import { heldInTierUser } from './tier-user.ts';

/** What a drill without root says of its attacks. It can make no network on the machine for the attacks on the network to aim at,
 *  and be nobody else. What rootless does not hold is named as such, and never counted as held. */

/** Attacks that nothing stops without root. */
const NOT_HELD: Readonly<Record<string, string>> = {
  'd93-memory-bomb': 'memory is not limited, for that takes a cgroup',
  'd93-cpu': 'processor time is not limited, for that takes a cgroup',
};

/** @returns why it is not tried without root, or undefined when it is */
export function notWithoutRoot(one: Attack | AccessTest, agent: AgentFacts): string | undefined {
  if (!agent.rootless) return undefined;
  const names = argumentsOf(one.program);
  const unheld =
    NOT_HELD[one.id] ??
    (names.includes('size_limit') ? 'storage is not limited, for that takes a file system of its own' : undefined);
  if (unheld !== undefined) return `rootless does not hold it: ${unheld}`;
  return needsNetwork(one, names) ? 'rootless cannot try it: it aims at a network that only root can make' : undefined;
}

/** A control that needs root shows nothing about a machine where there is none. */
export function provesNothing({ positive }: Attack, agent: AgentFacts, flaw: string): string | undefined {
  const needsRoot = positive === 'host-root' || positive === 'weak-box-root';
  return agent.rootless && needsRoot ? `rootless cannot try it: ${flaw}` : undefined;
}

/** What holds it for this agent. Without root nothing that needs another user or a cgroup may be named as holding anything. */
export function heldBy(attack: Pick<Attack, 'id' | 'control'>, agent: AgentFacts): string {
  const { control } = attack;
  if (agent.tier === 'user') return heldInTierUser(attack);
  if (!agent.rootless) return control;
  return HELD_BY.reduce((text, [needsRoot, instead]) => text.replace(needsRoot, instead), control);
}

const HELD_BY: readonly (readonly [needsRoot: RegExp, instead: string])[] = [
  [/^pids\.max of its cgroup$/, 'a limit on its processes (RLIMIT_NPROC)'],
  [/ and (a )?uid of its own/, ''],
  [/(, and another uid|; another uid besides|, which is closed to others besides|; the groups belong to root)$/, ''],
  [/; the warden answers root and operators only$/, ''],
  [/^the (record|install) belongs to (another principal|root)(, | and is )/, 'the $1 is '],
  [/^the install is and the system/, 'the install is not in the compartment, and the system'],
];

function needsNetwork(one: Attack | AccessTest, names: readonly string[]): boolean {
  if ('positive' in one && /^(open-net|bare-net)/.test(one.positive)) return true;
  return names.some((name) => TARGETS.test(name)) || (one.watch ?? []).length > 0;
}

/** Names of `%A` that only the arena's network gives (src/host/arena.ts). */
const TARGETS =
  /^(token|allow_\w+|deny_\w+|clock_\w+|dns_ip|lan_ip|house_ip|metadata_\w+|wild_\w+|secure_host|rules_\w+|keyed_\w+|key_\w+|other_stand|private_\w*port6?|meet_port|other_(host|port|door)|proxy_host|resolver_socket)$/;

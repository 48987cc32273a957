import { basename, dirname } from 'node:path';
import type { WantedAgent, WantedFleet } from '../model/fleet.ts';
import type { AgentName, FleetName } from '../model/names.ts';
import { unixUserName } from '../model/unix-names.ts';
import { elevatedText } from '../policy/elevated/text.ts';
import type { ClosedHome } from './homes.ts';
import { agentPlaces, type Places } from './places.ts';
import type { Resource } from './resource.ts';

/** What planning needs to know of the host besides the wanted fleet; the same facts give the same plan in CLI and warden. */
export interface FleetFacts {
  readonly places: Places;
  readonly agents: Readonly<Record<string, AgentFacts>>;
  /** Digests over what gateway and exec gate are told, and the rules of the namespaces. */
  readonly policy: string;
  readonly rules: string;
  /** Of the packet filter in the host's own network, this state's. */
  readonly table: string;
  /** Without root: folders alone, and no walls that need another user. */
  readonly rootless?: boolean;
  /** Of people on this machine, closed for agents of tier `user`. */
  readonly homes?: readonly ClosedHome[];
  /** What sudo is told, where it is to be. */
  readonly sudoers?: string;
}

export interface AgentFacts {
  readonly uid: number;
  /** Absent: the same number as the uid. */
  readonly gid?: number;
  /** Digest over the launcher's orders. */
  readonly compartment: string;
  /** Masked names of a shared workspace that stand for nothing yet. */
  readonly held: readonly string[];
}

/** Everything the fleet needs, in the order in which it is made. */
export function fleetResources(fleet: WantedFleet, facts: FleetFacts): Resource[] {
  const agents = fleet.agents.map((agent) => ({ agent, at: agentFacts(facts, agent) }));
  const outside = fleet.agents.flatMap(({ name, elevated = [] }) =>
    elevated.map((rule) => `${name}: ${elevatedText(rule)}`),
  );
  return [
    ...(facts.homes ?? []),
    ...agents.flatMap(({ agent, at }) =>
      facts.rootless ? rootlessGround(facts, agent, at) : groundResources(fleet, facts, agent, at),
    ),
    ...hostRules(fleet, facts),
    ...(facts.sudoers === undefined ? [] : [sudoersFile(fleet.fleet, facts.sudoers)]),
    {
      kind: 'policy',
      digest: facts.policy,
      rules: fleet.agents.reduce((sum, agent) => sum + agent.egress.length, 0),
      ...(outside.length > 0 && { outside }),
    },
    ...agents.map(
      ({ agent, at }): Resource => ({
        ...{ kind: 'compartment', agent: agent.name, digest: at.compartment },
        ...(agent.tier === 'user' && { tier: 'user' }),
      }),
    ),
    // In tier `user` an agent listens on the host's own loopback: there the packet filter lets others through.
    ...agents
      .filter(({ agent }) => agent.tier !== 'user')
      .flatMap(({ agent }) => agent.ports.map((port): Resource => ({ kind: 'port', agent: agent.name, port }))),
  ];
}

function groundResources(fleet: WantedFleet, facts: FleetFacts, agent: WantedAgent, at: AgentFacts): Resource[] {
  const name = unixUserName(fleet.fleet, agent.name);
  const places = agentPlaces(facts.places, agent.name);
  const own = (path: string, mode: string): Resource => ({ kind: 'folder', path, mode, uid: at.uid, gid: at.uid });
  const { memory, processes, cpu, disk } = agent.limits;
  return [
    { kind: 'group', name, gid: at.uid },
    { kind: 'user', name, uid: at.uid, gid: at.uid, mark: userMark(facts.places, fleet.fleet, agent.name) },
    { kind: 'folder', path: places.folder, mode: '0711', uid: 0, gid: 0 },
    { kind: 'folder', path: places.knowledge, mode: '0755', uid: 0, gid: 0 },
    ...(agent.ssh ? [{ kind: 'folder', path: places.ssh, mode: '0710', uid: 0, gid: at.uid } as const] : []),
    { kind: 'disk', image: places.image, path: places.disk, bytes: disk },
    own(places.home, '0700'),
    ...(agent.workspace.kind === 'own' ? [own(places.workspace, '0700')] : []),
    ...at.held.map((path): Resource => ({ kind: 'held', path })),
    { kind: 'cgroup', path: cgroupPath(fleet.fleet, agent.name), limits: { memory, processes, cpu } },
    ...(agent.tier === 'user'
      ? [{ kind: 'dead-end', uid: at.uid, cgroup: cgroupPath(fleet.fleet, agent.name) } as const]
      : [{ kind: 'netns', name: netnsName(fleet.fleet, agent.name), rules: facts.rules } as const]),
  ];
}

/** One table for all agents in the host's network. */
function hostRules({ fleet, agents }: WantedFleet, facts: FleetFacts): Resource[] {
  const inHost = agents
    .filter(({ tier }) => tier === 'user')
    .map((agent) => ({ uid: agentFacts(facts, agent).uid, cgroup: cgroupPath(fleet, agent.name), ports: agent.ports }));
  if (inHost.length === 0) return [];
  return [{ kind: 'host-rules', table: facts.table, cgroup: `bulkhead/${fleet}`, agents: inHost }];
}

/** What an ordinary user can make: the launcher makes the namespaces with the compartment, and nobody bounds the disk. */
function rootlessGround(facts: FleetFacts, agent: WantedAgent, at: AgentFacts): Resource[] {
  const places = agentPlaces(facts.places, agent.name);
  const own = (path: string): Resource => ({ kind: 'folder', path, mode: '0700', uid: at.uid, gid: at.gid ?? at.uid });
  return [
    ...[places.folder, places.knowledge, places.disk, places.home].map(own),
    ...(agent.workspace.kind === 'own' ? [own(places.workspace)] : []),
    ...(agent.ssh ? [own(places.ssh)] : []),
    ...at.held.map((path): Resource => ({ kind: 'held', path })),
  ];
}

/** Whether taking it away takes what an agent has stored. */
export function holdsStored(resource: Resource, places: Places): boolean {
  if (resource.kind === 'disk') return true;
  if (resource.kind !== 'folder') return false;
  // The folder itself (without root), and the home and workspace in it: a workspace that becomes a shared one is let go too.
  const { path } = resource;
  const within = [path, dirname(path)].find((folder) => dirname(dirname(folder)) === places.agents);
  return within !== undefined && basename(within) === 'disk';
}

/** Says in the user's comment field whose it is, so that another's user of the same name is never taken for ours. */
function userMark(places: Places, fleet: string, agent: string): string {
  return `Bulkhead ${fleet}/${agent} ${places.state}`.replace(/[:,=]/g, '_');
}

/** sudo leaves out names with a dot, and reads the rest. */
function sudoersFile(fleet: FleetName, text: string): Resource {
  return { kind: 'file', path: `/etc/sudoers.d/bulkhead-${fleet}`, mode: '0440', text };
}

export function cgroupPath(fleet: string, agent: string): string {
  return `bulkhead/${fleet}/${agent}`;
}

export function netnsName(fleet: FleetName, agent: AgentName): string {
  return unixUserName(fleet, agent);
}

function agentFacts(facts: FleetFacts, agent: WantedAgent): AgentFacts {
  const found = facts.agents[agent.name];
  if (found === undefined) throw new Error(`no facts about agent ${agent.name}`);
  return found;
}

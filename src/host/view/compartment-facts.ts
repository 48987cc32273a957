import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../model/canonical.ts';
import { Failure } from '../../model/failure.ts';
import type { WantedAgent, WantedFleet } from '../../model/fleet.ts';
import { type AgentFacts, cgroupPath, type FleetFacts, netnsName } from '../../plan/fleet.ts';
import { agentPlaces, type Places } from '../../plan/places.ts';
import type { UidBook } from '../../plan/uids.ts';
import { EXEC_SETS } from '../../policy/exec-sets.ts';
import { hasTerms } from '../../policy/request-rules.ts';
import { createOrders } from '../../tiers/create.ts';
import type { CompartmentFacts, HostFolder, Knowledge, NetworkPlace, Owner } from '../../tiers/facts.ts';
import { MASKED, type Mask } from '../../tiers/masks.ts';
import { orderText } from '../../tiers/orders.ts';
import { procsFiles } from '../cgroup/cgroup.ts';
import { noUnified } from '../cgroup/cgroup-files.ts';
import { type CgroupRoots, unifiedFolder } from '../cgroup/cgroup-roots.ts';
import { elevatedPrograms } from '../elevate/elevated-programs.ts';
import { mustBeSudoers, sudoersOf } from '../elevate/sudoers.ts';
import { mountBelow } from '../files/mounts.ts';
import { SYSTEM_BUNDLES } from '../files/trusted.ts';
import { gateFacts, isGated } from '../gate/gate-facts.ts';
import { homesOf } from '../machine/open-homes.ts';
import type { OrdinaryUser } from '../machine/ordinary-user.ts';
import { tableOf } from '../net/host-filter.ts';
import { netnsPath } from '../net/netns.ts';
import { rulesWanted } from '../net/netns-listing.ts';
import { allowedPrograms, deniedPrograms } from './allowed-programs.ts';
import { type Installed, installedPrograms } from './programs.ts';
import { lookAtSystem } from './system-view.ts';
import type { ViewFacts } from './view-facts.ts';

export const BWRAP = '/usr/bin/bwrap';
export const ANCHOR = '/usr/bin/cat';

/** The host as far as compartments need it. */
export interface Host {
  readonly places: Places;
  readonly view: ViewFacts;
  readonly cgroups: CgroupRoots;
  /** Set where there is no root: everything is this user's. */
  readonly user?: OrdinaryUser;
}

/** Everything planning needs, and what each compartment is started with.
 *  @throws Failure when a path of the fleet, or a program it allows, is not there */
export function fleetFacts(
  fleet: WantedFleet,
  host: Host,
  uids: UidBook,
): { facts: FleetFacts; compartments: Map<string, CompartmentFacts> } {
  const compartments = new Map<string, CompartmentFacts>();
  const agents: Record<string, AgentFacts> = {};
  const installed = fleet.agents.some(isGated) ? installedPrograms() : [];
  for (const agent of fleet.agents) {
    const compartment = compartmentFacts(fleet, agent, { ...host, installed }, uids);
    compartments.set(agent.name, compartment);
    agents[agent.name] = {
      uid: compartment.uid,
      gid: compartment.gid,
      compartment: digest(
        orderText(createOrders(compartment)) +
          canonicalJson({
            command: agent.command,
            env: agent.env,
            secrets: agent.secrets?.map(({ variable, as, file }) => ({
              variable,
              ...(as && { as }),
              ...(file && { file }),
            })),
          }),
      ),
      held: compartment.workspace.masks
        .filter((mask) => mask.is === 'held')
        .map((mask) => join(compartment.workspace.path, mask.name)),
    };
  }
  refuseWritableKnowledge([...compartments.values()]);
  if (host.user) refuseMountsBelow([...compartments.values()]);
  const policy = digest(
    canonicalJson(
      fleet.agents.map((agent) => {
        const { name, egress, egressAsk, ask, exec, elevated, secrets, budget, ssh } = agent;
        const outside = elevated && { elevated, programs: compartments.get(name)?.elevated };
        return {
          ...{ name, egress, ...(egressAsk && { egressAsk, ask }), ...(isGated(agent) && { exec, ask }) },
          ...(outside && { outside }),
          ...(secrets && { secrets, roots: rootDigests(fleet) }),
          ...(budget && { budget }),
          ...(fleet.prices && { prices: fleet.prices }),
          ...(ssh && { ssh }),
        };
      }),
    ),
  );
  const sudoers = fleet.sudoers && sudoersOf(fleet, (name) => compartments.get(name)?.elevated).text;
  if (sudoers) mustBeSudoers(sudoers);
  const rootless = host.user !== undefined;
  const homes = homesOf(fleet, host.places);
  return {
    facts: {
      places: host.places,
      agents,
      policy,
      rules: rulesWanted(),
      table: tableOf(host.places.state),
      rootless,
      homes,
      ...(sudoers && { sudoers }),
    },
    compartments,
  };
}

function compartmentFacts(
  fleet: WantedFleet,
  agent: WantedAgent,
  host: Host & { readonly installed: readonly Installed[] },
  uids: UidBook,
): CompartmentFacts {
  const uid = uids.given[`${fleet.fleet}/${agent.name}`];
  if (uid === undefined) throw new Error(`no uid for ${agent.name}`);
  const places = agentPlaces(host.places, agent.name);
  const sets = agent.exec.sets.map((name) => EXEC_SETS[name]);
  const programs = allowedPrograms(agent);
  const trees = [...new Set(sets.flatMap((set) => set.trees))].filter((tree) =>
    statSync(tree, { throwIfNoEntry: false })?.isDirectory(),
  );
  const elevated = elevatedPrograms(agent, host.user);
  const seenAs = host.user ? () => undefined : (stat: Stats) => ownerSeenAs(stat, uid);
  return {
    agent,
    uid,
    gid: host.user?.gid ?? uid,
    groups: [],
    hostname: agent.name,
    stage: host.places.stage,
    home: places.home,
    workspace:
      agent.workspace.kind === 'own'
        ? { path: places.workspace, masks: [] }
        : sharedFolder(agent.workspace.path, seenAs),
    knowledgeFolder: places.knowledge,
    knowledge: agent.knowledge.map(({ name, path }) => knowledge(name, path, seenAs)),
    programs,
    ...host.view,
    trees,
    ...(agent.tier === 'user' && { covered: deniedPrograms(agent) }),
    cgroupProcs: host.user ? [] : procsFiles(host.cgroups, cgroupPath(fleet.fleet, agent.name)),
    network: networkOf(fleet, agent, host),
    filter: host.places.filter,
    ...(elevated.length > 0 && { elevated }),
    ...(isGated(agent) && { gate: gateFacts(agent, host, programs, trees) }),
    ...((agent.secrets || agent.egress.some(hasTerms)) && { trust: trustFacts(host) }),
    ...(agent.ssh && { sshFolder: places.ssh }),
    bwrap: BWRAP,
    anchor: ANCHOR,
  };
}

/** The file of all that is trusted is where programs of this system look for it. */
function trustFacts({ places }: Host): NonNullable<CompartmentFacts['trust']> {
  const over = SYSTEM_BUNDLES.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  return { authority: places.authority, bundle: places.trusted, over };
}

/** What is in them counts, not where they are. */
function rootDigests({ roots = [] }: WantedFleet): string[] {
  return roots.map((path) => {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile())
      throw new Failure('no-roots', `roots: names ${path}, which is no file.`, 'Correct the path in fleet.yaml.');
    return digest(readFileSync(path, 'utf8'));
  });
}

/** @throws Failure for tier `user` without root: nothing would keep such an agent from its operator's own files */
function networkOf(fleet: WantedFleet, agent: WantedAgent, { user, cgroups, places }: Host): NetworkPlace {
  if (agent.tier === 'user' && user)
    throw new Failure(
      'tier-needs-root',
      `agents.${agent.name} has tier user, which needs root: without it the agent would be you, on your own files.`,
      'sudo bulkhead up, or give it tier: sandbox.',
      3,
    );
  const cgroup = unifiedFolder(cgroups, cgroupPath(fleet.fleet, agent.name));
  if (agent.tier === 'user') {
    if (cgroup === undefined) throw noUnified();
    return { in: 'host', system: lookAtSystem(places.state), kill: join(cgroup, 'cgroup.kill') };
  }
  return user ? { in: 'own' } : { in: 'namespace', path: netnsPath(netnsName(fleet.fleet, agent.name)) };
}

/** A folder of the operator's: its owner appears as the agent, and what host tools obey in it is masked. */
function sharedFolder(path: string, seenAs: SeenAs): HostFolder {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isSymbolicLink() || !stat.isDirectory() || realpathSync(path) !== path)
    throw new Failure(
      'not-a-plain-folder',
      `The workspace ${path} ${stat === undefined ? 'does not exist' : 'is not a plain folder, or there is a link on the way to it'}.`,
      `Name the folder itself${stat?.isSymbolicLink() ? `: ${realpathSync(path)}` : '.'}`,
    );
  const owner = seenAs(stat);
  return {
    path,
    ...(owner && { owner }),
    masks: MASKED.map((name) => mask(path, name)),
  };
}

function mask(folder: string, name: string): Mask {
  const at = join(folder, name);
  const stat = lstatSync(at, { throwIfNoEntry: false });
  if (stat === undefined) return { name, is: 'held' };
  if (stat.isSymbolicLink() || !(stat.isFile() || stat.isDirectory()))
    throw new Failure(
      'cannot-mask',
      `${at} is neither a file nor a folder, so it cannot be masked in the shared workspace.`,
      'Replace the link by what it leads to, or do not share this folder.',
    );
  return { name, is: isHeld(stat) ? 'held' : stat.isDirectory() ? 'folder' : 'file' };
}

/** As src/host/hands/folders.ts makes it: ours, empty, closed for writing. */
function isHeld(stat: Stats): boolean {
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o777) === 0o555;
}

/** A folder that only its owner may read is shown as the agent's own; a copy of such a file is made by src/host/view/knowledge-files.ts. */
function knowledge(name: string, given: string, seenAs: SeenAs): Knowledge {
  const stat = statSync(given, { throwIfNoEntry: false });
  if (!stat?.isDirectory() && !stat?.isFile())
    throw new Failure(
      'not-there',
      `knowledge ${name} leads to ${given}, which is neither a file nor a folder.`,
      'Make it, or correct the path in fleet.yaml.',
    );
  const entry = { name, path: realpathSync(given), uid: stat.uid };
  if (stat.isFile()) return { ...entry, is: 'file' };
  const owner = (stat.mode & 0o005) === 0o005 ? undefined : seenAs(stat);
  return { ...entry, is: 'folder', ...(owner && { owner }) };
}

/** By where the links on the way really lead: what an agent may write, root must not bind for anybody. */
function refuseWritableKnowledge(compartments: readonly CompartmentFacts[]): void {
  for (const { knowledge: entries } of compartments)
    for (const { name, path } of entries)
      for (const { workspace, agent } of compartments)
        if (agent.workspace.kind === 'shared' && `${path}/`.startsWith(`${workspace.path}/`))
          throw new Failure(
            'knowledge-clash',
            `The knowledge ${name} is ${path}, which lies in the workspace of ${agent.name}, who could replace it by a link to anything.`,
            'Keep knowledge outside of the folders that agents may change.',
          );
}

/** What came with a user namespace is one piece (mount_namespaces(7)): no folder can be bound without what is mounted below it. */
function refuseMountsBelow(compartments: readonly CompartmentFacts[]): void {
  const shared = compartments.flatMap(({ agent, workspace }) => (agent.workspace.kind === 'shared' ? [workspace] : []));
  const shown = compartments.flatMap((one) => one.knowledge.filter((entry) => entry.is === 'folder'));
  for (const { path } of [...shared, ...shown]) {
    const at = mountBelow(path);
    if (at === undefined) continue;
    throw new Failure(
      'mount-below',
      `Something is mounted on ${at}, and without root ${path} cannot be given to an agent without it.`,
      'Name a folder without mounts in it, take that one off, or put the fleet up as root.',
      3,
    );
  }
}

/** Undefined where there is nobody for it to appear as: agent and operator are one user. */
type SeenAs = (stat: Stats) => Owner | undefined;

/** Its owner and group on disk appear as the agent's. */
function ownerSeenAs(stat: Stats, uid: number): Owner {
  return { uids: { disk: stat.uid, seen: uid }, gids: { disk: stat.gid, seen: uid } };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

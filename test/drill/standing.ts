import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentFacts, Args } from '../../src/drill/attack.ts';
import { observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import { cgroupGrip } from '../../src/host/cgroup/grip.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { cgroupHand, netnses } from '../../src/host/hands/compartment-ground.ts';
import { disks } from '../../src/host/hands/disks.ts';
import { folders, held } from '../../src/host/hands/folders.ts';
import { fleetFacts } from '../../src/host/view/compartment-facts.ts';
import { viewFacts } from '../../src/host/view/view-facts.ts';
import type { WantedAgent, WantedFleet } from '../../src/model/fleet.ts';
import { agentName, fleetName } from '../../src/model/names.ts';
import { cgroupPath, fleetResources } from '../../src/plan/fleet.ts';
import { placesOf } from '../../src/plan/places.ts';
import type { Resource } from '../../src/plan/resource.ts';
import { Compartment } from '../../src/programs/warden/compartments/compartment.ts';
import { LogFile } from '../../src/programs/warden/logs/log-file.ts';
import { runScript, type ScriptResult } from '../../src/programs/warden/sessions/scripts.ts';
import { syscallFilter } from '../../src/tiers/filter/filter.ts';

/** Real compartments, on the ground that the plan describes, under names of their own and without the other programs: no
 *  gateway, so no network, no ledger, and no users in /etc/passwd (a uid needs none). */
export interface Standing {
  readonly state: string;
  readonly compartments: ReadonlyMap<string, Compartment>;
  script(agent: string, text: string, args: Args, timeoutMs: number): Promise<ScriptResult>;
  facts(agent: string): AgentFacts;
  close(): Promise<void>;
}

export type Wish = Partial<Pick<WantedAgent, 'exec' | 'workspace' | 'limits' | 'tier'>>;
const MIB = 1024 * 1024;
const LIMITS = { memory: 128 * MIB, processes: 48, cpu: 15, disk: 1024 * MIB };
/** Far above the uids that agents are given. */
const FIRST_UID = 64_900;

export async function standUp(wishes: Readonly<Record<string, Wish>>): Promise<Standing> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    const errors: unknown[] = [];
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        errors.push(error); // the others are still to be taken away
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'not everything could be taken away');
  };
  try {
    const fleet = fleetName(`d${process.pid}`);
    const state = mkdtempSync('/var/lib/bulkhead-standing-');
    closers.push(() => removeTree(state));
    const places = placesOf(state);
    for (const path of [state, places.run, places.stage, places.agents])
      folders.make({ kind: 'folder', path, mode: '0711', uid: 0, gid: 0 });
    mkdirSync(places.agentLogs, { recursive: true });
    writeFileSync(places.filter, syscallFilter(process.arch === 'arm64' ? 'aarch64' : 'x86_64'));
    const cgroups = observeCgroups();
    const agents = Object.entries(wishes).map(([name, wish]) => wanted(name, wish));
    const whole: WantedFleet = { format: 1, fleet, source: join(state, 'fleet.yaml'), operators: [], agents };
    const given = Object.fromEntries(agents.map(({ name }, i) => [`${fleet}/${name}`, FIRST_UID + i]));
    const { facts, compartments: described } = fleetFacts(whole, { places, view: viewFacts(), cgroups }, { given });
    for (const what of fleetResources(whole, facts)) {
      const remove = await ground(what, cgroupHand(cgroups));
      if (remove) closers.push(remove);
    }
    const compartments = new Map<string, Compartment>();
    for (const [name, one] of described) {
      const log = new LogFile(join(places.agentLogs, `${name}.log`));
      closers.push(() => log.close());
      const nothing = async (): Promise<void> => {};
      const compartment = new Compartment(one, '', {
        ...{ grip: cgroupGrip(cgroups, cgroupPath(fleet, name)), log },
        ...{
          connect: nothing,
          disconnect: nothing,
          mayRun: async () => undefined,
          placeholders: async () => ({}),
          record: nothing,
          tell: () => {},
          note: () => {},
          watch: () => {},
          unwatch: () => {},
        },
      });
      closers.push(() => compartment.stop());
      await compartment.start();
      compartments.set(name, compartment);
    }
    return { state, compartments, close, ...asking(compartments) };
  } catch (error) {
    await close();
    throw error;
  }
}

function wanted(name: string, wish: Wish): WantedAgent {
  return {
    name: agentName(name),
    tier: 'sandbox',
    workspace: { kind: 'own' },
    env: {},
    exec: { sets: ['base'], allow: [], deny: [], own: 'never', ask: 'never' },
    limits: LIMITS,
    egress: [],
    ports: [],
    knowledge: [],
    ...wish,
  };
}

/** Makes what a compartment stands on. @returns what takes it away */
async function ground(what: Resource, cgroup: ReturnType<typeof cgroupHand>): Promise<(() => unknown) | undefined> {
  switch (what.kind) {
    case 'folder':
      await folders.make(what);
      return undefined; // goes with the state or the disk
    case 'held':
      await held.make(what);
      return () => held.remove(what);
    case 'disk':
      await disks.make(what);
      return () => disks.remove(what);
    case 'cgroup':
      await cgroup.make(what);
      return () => cgroup.remove(what);
    case 'netns':
      await netnses.make(what);
      return () => netnses.remove(what);
    default:
      return undefined;
  }
}

function asking(compartments: ReadonlyMap<string, Compartment>): Pick<Standing, 'script' | 'facts'> {
  const get = (agent: string): Compartment => {
    const found = compartments.get(agent);
    if (!found) throw new Error(`no agent ${agent}`);
    return found;
  };
  return {
    script: (agent, text, args, timeoutMs) => runScript(get(agent), { text, arguments: args, timeoutMs }),
    facts: (agent) => {
      const { tier, exec, egress, workspace, limits } = get(agent).facts.agent;
      const others = [...compartments.keys()].filter((name) => name !== agent);
      return { name: agent, tier, exec, egress, workspace, limits, knowledge: [], others, rootless: false };
    },
  };
}

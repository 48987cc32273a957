import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AgentFacts, Args } from '../../src/drill/attack.ts';
import { makeCgroup } from '../../src/host/cgroup.ts';
import { removeCgroup } from '../../src/host/cgroup-life.ts';
import { observeCgroups } from '../../src/host/cgroup-roots.ts';
import { fleetFacts } from '../../src/host/compartment-facts.ts';
import { disks } from '../../src/host/hands/disks.ts';
import { createNetns, deleteNetns } from '../../src/host/netns.ts';
import { viewFacts } from '../../src/host/view-facts.ts';
import type { WantedAgent, WantedFleet } from '../../src/model/fleet.ts';
import { agentName, fleetName } from '../../src/model/names.ts';
import { cgroupPath, netnsName } from '../../src/plan/fleet.ts';
import { agentPlaces, placesOf } from '../../src/plan/places.ts';
import { Compartment } from '../../src/programs/warden/compartment.ts';
import { LogFile } from '../../src/programs/warden/log-file.ts';
import { runScript, type ScriptResult } from '../../src/programs/warden/scripts.ts';
import { syscallFilter } from '../../src/tiers/filter/filter.ts';

/** Real compartments under names of their own, without the other programs: no gateway, so no network, and no ledger. */
export interface Standing {
  readonly state: string;
  readonly compartments: ReadonlyMap<string, Compartment>;
  script(agent: string, text: string, args: Args, timeoutMs: number): Promise<ScriptResult>;
  facts(agent: string): AgentFacts;
  close(): Promise<void>;
}

export type Wish = Partial<Pick<WantedAgent, 'exec' | 'workspace' | 'limits' | 'command'>>;
const MIB = 1024 * 1024;
const LIMITS = { memory: 128 * MIB, processes: 48, cpu: 15, disk: 1024 * MIB };
/** Far above the uids that agents are given. */
const FIRST = 64_900;

export async function standUp(wishes: Readonly<Record<string, Wish>>): Promise<Standing> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const fleet = fleetName(`d${process.pid}`);
    const state = mkdtempSync(join(tmpdir(), 'bulkhead-standing-'));
    closers.push(() => rmSync(state, { recursive: true, force: true }));
    const places = placesOf(state);
    for (const folder of [places.run, places.stage, places.agents, places.agentLogs])
      mkdirSync(folder, { recursive: true });
    execFileSync('chmod', ['0711', state, places.agents]);
    writeFileSync(places.filter, syscallFilter(process.arch === 'arm64' ? 'aarch64' : 'x86_64'));
    const cgroups = observeCgroups();
    const agents = Object.entries(wishes).map(
      ([name, wish]): WantedAgent => ({
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
      }),
    );
    const wanted: WantedFleet = { format: 1, fleet, source: join(state, 'fleet.yaml'), operators: [], agents };
    const given = Object.fromEntries(agents.map(({ name }, i) => [`${fleet}/${name}`, FIRST + i]));
    const { facts, compartments: described } = fleetFacts(wanted, { places, view: viewFacts(), cgroups }, { given });
    const compartments = new Map<string, Compartment>();
    for (const agent of agents) {
      const at = agentPlaces(places, agent.name);
      const described1 = described.get(agent.name);
      if (described1 === undefined) throw new Error(agent.name);
      mkdirSync(at.folder, { mode: 0o711 });
      const disk = { kind: 'disk', image: at.image, path: at.disk, bytes: agent.limits.disk } as const;
      await disks.make(disk);
      closers.push(() => disks.remove?.(disk));
      for (const own of [at.home, at.workspace]) {
        mkdirSync(own, { mode: 0o700 });
        chownSync(own, described1.uid, described1.uid);
      }
      for (const held of facts.agents[agent.name]?.held ?? []) {
        mkdirSync(dirname(held), { recursive: true });
        mkdirSync(held, { mode: 0o555 });
      }
      createNetns(netnsName(fleet, agent.name));
      closers.push(() => deleteNetns(netnsName(fleet, agent.name)));
      const cgroup = cgroupPath(fleet, agent.name);
      makeCgroup(cgroups, cgroup, agent.limits);
      closers.push(() => removeCgroup(cgroups, cgroup));
      const log = new LogFile(join(places.agentLogs, `${agent.name}.log`));
      closers.push(() => log.close());
      const nothing = async (): Promise<void> => {};
      const around = { cgroups, cgroup, connect: nothing, disconnect: nothing, record: nothing, tell: () => {}, log };
      const compartment = new Compartment(described1, '', around);
      closers.push(() => compartment.stop());
      await compartment.start();
      compartments.set(agent.name, compartment);
    }
    const get = (agent: string): Compartment => {
      const found = compartments.get(agent);
      if (!found) throw new Error(`no agent ${agent}`);
      return found;
    };
    return {
      state,
      compartments,
      script: (agent, text, args, timeoutMs) => runScript(get(agent), { text, arguments: args, timeoutMs }),
      facts: (agent) => {
        const { tier, exec, egress, workspace, limits } = get(agent).facts.agent;
        const others = [...compartments.keys()].filter((name) => name !== agent);
        return { name: agent, tier, exec, egress, workspace, limits, knowledge: [], others, rootless: false };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

import type { WantedAgent, WantedFleet } from '../../src/model/fleet.ts';
import { agentName, fleetName } from '../../src/model/names.ts';
import { type FleetFacts, fleetResources } from '../../src/plan/fleet.ts';
import { groundOf, machineResources } from '../../src/plan/machine.ts';
import { type Places, placesOf } from '../../src/plan/places.ts';
import type { Resource } from '../../src/plan/resource.ts';

/** A fleet like examples/studio, with one of everything that a plan can hold. */
const MIB = 2 ** 20;
export const PLACES: Places = placesOf('/var/lib/bulkhead');

export function agent(name: string, more: Partial<WantedAgent> = {}): WantedAgent {
  return {
    name: agentName(name),
    tier: 'sandbox',
    workspace: { kind: 'own' },
    env: {},
    exec: { sets: ['base'], allow: [], deny: [], own: 'never', ask: 'never' },
    limits: { memory: 512 * MIB, processes: 64, cpu: 100, disk: 256 * MIB },
    egress: [],
    ports: [],
    knowledge: [],
    ...more,
  };
}

export const STUDIO: readonly WantedAgent[] = [
  agent('clerk', { command: ['node', '/knowledge/office/clerk.mjs'], ports: [8080] }),
  agent('librarian', { limits: { memory: 128 * MIB, processes: 64, cpu: 100, disk: 256 * MIB } }),
  agent('builder', {
    workspace: { kind: 'shared', path: '/home/you/site' },
    egress: [{ host: 'registry.test', port: 443 }],
  }),
];

export function fleetOf(agents: readonly WantedAgent[]): WantedFleet {
  return { format: 1, fleet: fleetName('studio'), source: '/home/you/fleet.yaml', operators: [], agents };
}

const UIDS: Readonly<Record<string, number>> = { clerk: 47_000, librarian: 47_001, builder: 47_002, herald: 47_003 };

/** Facts that depend on nothing but the fleet, so that the same fleet gives the same plan everywhere. */
export function resourcesOf(agents: readonly WantedAgent[]): Resource[] {
  const facts: FleetFacts = {
    places: PLACES,
    policy: hex(JSON.stringify(agents.map(({ name, egress }) => ({ name, egress })))),
    rules: hex('rules'),
    table: 'bulkhead_0123456789ab',
    agents: Object.fromEntries(
      agents.map((each) => [
        each.name,
        {
          uid: UIDS[each.name] ?? 0,
          compartment: hex(JSON.stringify(each)),
          held: each.workspace.kind === 'shared' ? [`${each.workspace.path}/.envrc`] : [],
        },
      ]),
    ),
  };
  return fleetResources(fleetOf(agents), facts);
}

export function machineOf(state: string, systemd: boolean, version = '0.1.0'): Resource[] {
  return machineResources({
    places: placesOf(state),
    tree: { from: '/home/you/bulkhead', version, digest: hex(version) },
    ids: { gateway: 998, ledger: 997 },
    ground: groundOf(state),
    systemd,
  });
}

/** Looks like a digest and is none: readable in a golden. */
function hex(text: string): string {
  let sum = 0x811c9dc5;
  for (const char of text) sum = Math.imul(sum ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return sum.toString(16).padStart(8, '0').repeat(8);
}

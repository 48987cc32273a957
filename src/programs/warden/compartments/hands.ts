import { cgroupGrip } from '../../../host/cgroup/grip.ts';
import { signalGrip } from '../../../host/cgroup/signal-grip.ts';
import { groundHands } from '../../../host/hands/ground.ts';
import type { Hand, Hands, Of } from '../../../host/hands/hand.ts';
import type { SpareLaunchers } from '../../../host/launch/spare-launcher.ts';
import { Failure } from '../../../model/failure.ts';
import { cgroupPath } from '../../../plan/fleet.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GateHouse } from '../gate/gate-house.ts';
import type { Logs } from '../logs/logs.ts';
import type { Mending } from '../probes/mending.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import type { Record } from '../record.ts';
import { Compartment } from './compartment.ts';
import { openDoor } from './door.ts';
import type { HeldAgents } from './held-agents.ts';
import type { HostNetwork } from './host-network.ts';

/** What the hands that deal with running things need. */
export interface Workshop {
  readonly record: Record;
  readonly logs: Logs;
  readonly mending: Mending;
  readonly hostNetwork: HostNetwork;
  readonly held: HeldAgents;
  /** Absent without root. */
  readonly gate?: GateHouse;
  readonly spares: SpareLaunchers;
  /** Undefined while the gateway is away. */
  readonly gateway: () => GatewayLink | undefined;
  /** Counts a run of an agent. @returns why it may not be */
  readonly mayRun: (agent: string) => Promise<string | undefined>;
}

export function wardenHands(fleet: StandingFleet, workshop: Workshop): Hands {
  return {
    ...groundHands(fleet.host.cgroups),
    policy: policyHand(fleet, workshop),
    compartment: compartmentHand(fleet, workshop),
    port: portHand(fleet, workshop),
  };
}

/** In force is what gateway and exec gate were last given; one that started anew is given it again by itself. */
function policyHand(fleet: StandingFleet, workshop: Workshop): Hand<Of<'policy'>> {
  let inForce: Of<'policy'> | undefined;
  const load = async (what: Of<'policy'>): Promise<void> => {
    if (!fleet.wanted) throw new Error('there is no fleet to load the policy of');
    await needed(workshop.gateway()).policy(fleet.wanted, fleet.leases, fleet.granted());
    await workshop.gate?.policy();
    inForce = what;
  };
  return {
    observe: () => inForce,
    make: load,
    change: load,
    remove: () => {
      inForce = undefined;
    },
  };
}

function portHand({ ports }: StandingFleet, workshop: Workshop): Hand<Of<'port'>> {
  return {
    observe: (what) => (ports.get(what.port) === what.agent ? what : undefined),
    async make(what) {
      await needed(workshop.gateway()).publish(what.agent, what.port);
      ports.set(what.port, what.agent);
    },
    async remove(what) {
      await workshop.gateway()?.unpublish(what.agent, what.port);
      if (ports.get(what.port) === what.agent) ports.delete(what.port);
    },
  };
}

function compartmentHand(fleet: StandingFleet, workshop: Workshop): Hand<Of<'compartment'>> {
  return {
    observe(what) {
      const there = fleet.compartments.get(what.agent);
      return there && there.state !== 'failed' ? { ...what, digest: there.digest } : undefined;
    },
    async make(what) {
      await fleet.compartments.get(what.agent)?.stop('it had failed');
      const facts = fleet.current?.compartments.get(what.agent);
      const name = fleet.wanted?.fleet;
      if (!facts || !name) throw new Error(`nothing is known about ${what.agent}`);
      const note = (text: string): void => workshop.logs.ofProgram('warden').note(text);
      const compartment = new Compartment(facts, what.digest, {
        grip: fleet.host.user ? signalGrip() : cgroupGrip(fleet.host.cgroups, cgroupPath(name, what.agent)),
        ...(facts.network.in === 'host' && { mustHold: () => workshop.hostNetwork.mustHold(facts.uid) }),
        connect: (network) => openDoor(needed(workshop.gateway()), fleet, what.agent, network, note),
        placeholders: async () => (facts.trust ? needed(workshop.gateway()).placeholders(what.agent) : {}),
        ...(facts.agent.secrets?.some(({ file }) => file) && {
          homeFiles: () => needed(workshop.gateway()).homeFiles(what.agent),
        }),
        disconnect: async () => workshop.gateway()?.forget(what.agent),
        mayRun: () => workshop.mayRun(what.agent),
        record: (event, fields) => workshop.record.write({ event, ...fields }),
        tell: (event, fields) => workshop.record.tell({ event, ...fields }),
        ...{ log: workshop.logs.ofAgent(what.agent), note },
        ...(workshop.gate && facts.gate && { gate: workshop.gate }),
        watch: (of) => workshop.mending.watch(of),
        unwatch: (of) => {
          workshop.mending.unwatch(of);
          workshop.spares.leave();
        },
      });
      fleet.compartments.set(what.agent, compartment);
      await workshop.gate?.policy();
      if (workshop.held.has(what.agent)) await compartment.stop('stopped by the operator before');
      else await compartment.start();
    },
    async remove(what) {
      const there = fleet.compartments.get(what.agent);
      fleet.compartments.delete(what.agent);
      await there?.stop('taken down');
    },
  };
}

function needed(gateway: GatewayLink | undefined): GatewayLink {
  if (gateway) return gateway;
  throw new Failure(
    'no-gateway',
    'The gateway is not running, so no agent has a network and none is started.',
    'It is being started again; the reason is in: bulkhead logs gateway',
    1,
  );
}

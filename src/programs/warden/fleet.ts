import { apply, observe } from '../../host/apply.ts';
import { Made } from '../../host/files/made.ts';
import { mendable } from '../../host/files/no-space.ts';
import { replaceFile } from '../../host/files/replace-file.ts';
import { uidsFor, writeUidBook } from '../../host/files/uid-book.ts';
import { mustBeSameFleet, mustHoldStored, readWanted } from '../../host/files/wanted.ts';
import type { Hands } from '../../host/hands/hand.ts';
import { uidOf } from '../../host/machine/accounts.ts';
import { fleetFacts, type Host } from '../../host/view/compartment-facts.ts';
import { canonicalJson } from '../../model/canonical.ts';
import { Failure } from '../../model/failure.ts';
import type { WantedFleet } from '../../model/fleet.ts';
import type { Lease } from '../../model/lent-key.ts';
import { unixUserName } from '../../model/unix-names.ts';
import { describe } from '../../plan/describe.ts';
import { fleetResources, holdsStored } from '../../plan/fleet.ts';
import { machineKinds, outlivesDown } from '../../plan/scope.ts';
import { planSteps, type Step } from '../../plan/step.ts';
import type { UidBook } from '../../plan/uids.ts';
import type { CompartmentFacts } from '../../tiers/facts.ts';
import type { Compartment } from './compartments/compartment.ts';
import type { DestinationGrant } from './programs/gateway-link.ts';
import type { Record } from './record.ts';

/** A plan with what is needed to carry it out. */
export interface Planned {
  readonly fleet: WantedFleet;
  readonly steps: readonly Step[];
  readonly uids: UidBook;
  readonly compartments: ReadonlyMap<string, CompartmentFacts>;
}

/** The fleet that stands: what was last applied, and the compartments of it. */
export class StandingFleet {
  readonly host: Host;
  readonly compartments: Map<string, Compartment> = new Map();
  /** What agents were lent for the length of a drill. */
  readonly leases: Map<string, Lease> = new Map();
  /** Destinations that a person has approved, by agent. */
  granted: () => ReadonlyMap<string, readonly DestinationGrant[]> = () => new Map();
  /** Published ports, with the agent each leads to. */
  readonly ports: Map<number, string> = new Map();
  /** What there is of an agent besides its resources may go. */
  onLetGo: (agent: string) => void = () => {};
  /** An operator has put up what these facts say, and means it. */
  onUp: (compartments: Iterable<CompartmentFacts>) => Promise<void> = async () => {};
  readonly #hands: Hands;
  readonly #record: Record;
  readonly #made: Made;
  #wanted: WantedFleet | undefined;
  #planned: Planned | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #changes = 0;

  constructor(host: Host, record: Record, hands: (fleet: StandingFleet) => Hands) {
    this.host = host;
    this.#record = record;
    this.#made = new Made(host.places.made);
    this.#hands = hands(this);
    this.#wanted = readWanted(host.places);
  }

  get wanted(): WantedFleet | undefined {
    return this.#wanted;
  }

  /** What is being applied, or was last: hands look compartments' facts up here. */
  get current(): Planned | undefined {
    return this.#planned;
  }

  /** It is to be put up as it was, or an up or a down is at work: who is not there yet may be there soon. */
  get changing(): boolean {
    return this.#changes > 0;
  }

  wants(name: string): boolean {
    return this.#wanted?.agents.some((agent) => agent.name === name) ?? false;
  }

  /** @throws Failure `no-such-agent`; `not-up` for one of the fleet that was not put up */
  compartment(name: string): Compartment {
    const found = this.compartments.get(name);
    if (found) return found;
    if (this.wants(name))
      throw new Failure(
        'not-up',
        `${name} is not up${this.changing ? ' yet' : ''}.`,
        this.changing ? 'How far it is: bulkhead status' : 'Put the fleet up: bulkhead up',
        1,
      );
    const known = this.#wanted?.agents.map((agent) => agent.name).join(', ') || 'none';
    throw new Failure(
      'no-such-agent',
      `There is no agent ${JSON.stringify(name.slice(0, 60))}.`,
      `The agents of this fleet are: ${known}`,
    );
  }

  /** Those who may answer. An agent is none, whatever a file says. */
  operatorUids(): number[] {
    const { fleet, agents = [], operators = [] } = this.#wanted ?? {};
    const uid = (user: string): number[] => [uidOf(user)].filter((one) => one !== undefined);
    const ofAgents = fleet ? agents.flatMap(({ name }) => uid(unixUserName(fleet, name))) : [];
    return operators.flatMap(({ user }) => uid(user)).filter((one) => !ofAgents.includes(one));
  }

  async plan(fleet: WantedFleet): Promise<Planned> {
    mustBeSameFleet(this.#wanted, fleet);
    const names = fleet.agents.map(({ name }) => name);
    const uids = uidsFor(this.host.places, fleet.fleet, names);
    const { facts, compartments } = fleetFacts(fleet, this.host, uids);
    const wanted = fleetResources(fleet, facts);
    const made = this.#made.list().filter((resource) => !machineKinds(resource, this.host.places));
    const steps = planSteps(wanted, await observe(this.#hands, wanted, made));
    mustHoldStored(steps);
    return { fleet, uids, compartments, steps };
  }

  /** @param left  aborted when whoever asked has gone away
   *  @returns what was done, in words */
  async apply(
    fleet: WantedFleet,
    options: { letGo: boolean; resumed?: boolean },
    left?: AbortSignal,
  ): Promise<string[]> {
    return this.#alone(async () => {
      const before = this.#wanted?.agents.map(({ name }) => name) ?? [];
      const planned = await this.plan(fleet);
      const lost = planned.steps.filter((step) => step.do === 'remove' && holdsStored(step.what, this.host.places));
      if (lost.length > 0 && !options.letGo)
        throw new Failure(
          'would-lose-data',
          `This would delete what ${lost.length === 1 ? 'an agent that is' : `${lost.length} agents that are`} no longer in the file had stored (${lost.map(describe).join('; ')}).`,
          'Put the agent back into fleet.yaml, or let it go with everything it has: bulkhead up --let-go',
        );
      await this.#record.write({
        event: 'policy.changed',
        fleet: fleet.fleet,
        digest: planned.steps.length === 0 ? 'unchanged' : 'changed',
        steps: planned.steps.length,
      });
      writeUidBook(this.host.places.uids, planned.uids);
      this.#save(fleet);
      this.#planned = planned;
      if (!options.resumed) await this.onUp(planned.compartments.values());
      await this.#record.readers(this.operatorUids());
      await apply(planned.steps, this.#hands, this.#made, this.#record, left);
      for (const [name, facts] of planned.compartments) this.compartments.get(name)?.learn(facts);
      const staying = new Set(fleet.agents.map(({ name }): string => name));
      for (const name of before.filter((name) => !staying.has(name))) this.onLetGo(name);
      return planned.steps.map(describe);
    });
  }

  /** Puts up again what stood when the last warden ended.
   *  @param ready  until then nothing can be put up, and it counts as a change already */
  async resume(ready: Promise<unknown>): Promise<void> {
    if (!this.#wanted) return;
    this.#changes++;
    try {
      await ready;
      await this.apply(this.#wanted, { letGo: false, resumed: true });
    } finally {
      this.#changes--;
    }
  }

  /** Ends every agent and takes down what they stood on; disks, users and the record stay. With `purge` those of the agents go too. */
  async down(purge: boolean): Promise<string[]> {
    return this.#alone(async () => {
      const made = this.#made.list().filter((resource) => !machineKinds(resource, this.host.places));
      const staying = purge ? [] : made.filter(outlivesDown);
      const steps = planSteps(staying, await observe(this.#hands, staying, made)).filter(
        (step) => step.do === 'remove',
      );
      // Taking walls down with their agents is what one does when something is wrong: it does not wait for a ledger.
      await apply(steps, this.#hands, this.#made, this.#record.connected ? this.#record : this.#record.without());
      this.compartments.clear();
      return steps.map(describe);
    });
  }

  #save(fleet: WantedFleet): void {
    const { wanted } = this.host.places;
    replaceFile(wanted, canonicalJson(fleet));
    this.#wanted = fleet;
  }

  /** One at a time, in the order asked: the fleet's own start, an up, a down. */
  #alone<T>(act: () => Promise<T>): Promise<T> {
    this.#changes++;
    const mine = this.#turn
      .then(act)
      .catch((error: unknown) => {
        throw mendable(error, this.host.places.state);
      })
      .finally(() => this.#changes--);
    this.#turn = mine.catch(() => {}); // whoever asked is told
    return mine;
  }
}

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { uidOf } from '../../host/accounts.ts';
import { apply, observe } from '../../host/apply.ts';
import { fleetFacts, type Host } from '../../host/compartment-facts.ts';
import type { Hands } from '../../host/hands/hand.ts';
import { Made } from '../../host/made.ts';
import { uidsFor, writeUidBook } from '../../host/uid-book.ts';
import { canonicalJson } from '../../model/canonical.ts';
import { decodeWantedFleet } from '../../model/decode.ts';
import { Failure } from '../../model/failure.ts';
import type { EgressRule, WantedFleet } from '../../model/fleet.ts';
import { describe } from '../../plan/describe.ts';
import { fleetResources } from '../../plan/fleet.ts';
import { machineKinds } from '../../plan/scope.ts';
import { planSteps, type Step } from '../../plan/step.ts';
import type { UidBook } from '../../plan/uids.ts';
import type { CompartmentFacts } from '../../tiers/facts.ts';
import type { Compartment } from './compartment.ts';
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
  /** Rules lent to agents for the length of a drill. */
  readonly leases: Map<string, readonly EgressRule[]> = new Map();
  readonly #hands: Hands;
  readonly #record: Record;
  readonly #made: Made;
  #wanted: WantedFleet | undefined;
  #planned: Planned | undefined;
  #busy = false;

  constructor(host: Host, record: Record, hands: (fleet: StandingFleet) => Hands) {
    this.host = host;
    this.#record = record;
    this.#made = new Made(host.places.made);
    this.#hands = hands(this);
    const { wanted } = host.places;
    if (existsSync(wanted)) this.#wanted = decodeWantedFleet(JSON.parse(readFileSync(wanted, 'utf8')));
  }

  get wanted(): WantedFleet | undefined {
    return this.#wanted;
  }

  /** What is being applied, or was last: hands look compartments' facts up here. */
  get current(): Planned | undefined {
    return this.#planned;
  }

  /** @throws Failure `not-running` when there is no agent of that name */
  compartment(name: string): Compartment {
    const found = this.compartments.get(name);
    if (found) return found;
    const known = this.#wanted?.agents.map((agent) => agent.name).join(', ') || 'none';
    throw new Failure(
      'no-such-agent',
      `There is no agent ${JSON.stringify(name.slice(0, 60))}.`,
      `The agents of this fleet are: ${known}`,
    );
  }

  operatorUids(): number[] {
    return (this.#wanted?.operators ?? []).map(({ user }) => uidOf(user)).filter((uid) => uid !== undefined);
  }

  async plan(fleet: WantedFleet): Promise<Planned> {
    if (this.#wanted && this.#wanted.fleet !== fleet.fleet)
      throw new Failure(
        'other-fleet',
        `This state holds the fleet ${this.#wanted.fleet}, not ${fleet.fleet}.`,
        `Give the other fleet a state of its own (--state DIR), or end this one first: bulkhead down --purge`,
      );
    const uids = uidsFor(
      this.host.places.uids,
      fleet.agents.map(({ name }) => `${fleet.fleet}/${name}`),
    );
    const { facts, compartments } = fleetFacts(fleet, this.host, uids);
    const wanted = fleetResources(fleet, facts);
    const made = this.#made.list().filter((resource) => !machineKinds(resource, this.host.places));
    return { fleet, uids, compartments, steps: planSteps(wanted, await observe(this.#hands, wanted, made)) };
  }

  /** @returns what was done, in words */
  async apply(fleet: WantedFleet, options: { letGo: boolean }): Promise<string[]> {
    return this.#alone(async () => {
      const planned = await this.plan(fleet);
      const lost = planned.steps.filter((step) => step.do === 'remove' && step.what.kind === 'disk');
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
      await this.#record.readers(this.operatorUids());
      await apply(planned.steps, this.#hands, this.#made, this.#record);
      return planned.steps.map(describe);
    });
  }

  /** Ends every agent and takes down what they stood on; disks, users and the record stay. With `purge` those of the agents go too. */
  async down(purge: boolean): Promise<string[]> {
    return this.#alone(async () => {
      const made = this.#made.list().filter((resource) => !machineKinds(resource, this.host.places));
      const staying = purge
        ? []
        : made.filter(({ kind }) => kind === 'user' || kind === 'group' || kind === 'folder' || kind === 'disk');
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
    writeFileSync(`${wanted}.next`, canonicalJson(fleet), { mode: 0o600, flush: true });
    renameSync(`${wanted}.next`, wanted);
    this.#wanted = fleet;
  }

  async #alone<T>(act: () => Promise<T>): Promise<T> {
    if (this.#busy)
      throw new Failure('busy', 'Another up or down is under way.', 'Wait for it to end and run the command again.', 1);
    this.#busy = true;
    try {
      return await act();
    } finally {
      this.#busy = false;
    }
  }
}

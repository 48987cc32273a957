import { Failure } from '../../model/failure.ts';
import type { EgressRule } from '../../model/fleet.ts';
import type { Connection } from '../../wire/serve.ts';
import type { Script } from './body.ts';
import type { Compartment } from './compartment.ts';
import type { StandingFleet } from './fleet.ts';
import type { GatewayLink } from './gateway-link.ts';
import type { Record } from './record.ts';
import { runScript, type ScriptResult } from './scripts.ts';

/** Drills under way: each belongs to a connection, and what it was lent ends with it. */
export class Drills {
  readonly #fleet: StandingFleet;
  readonly #record: Record;
  readonly #gateway: () => GatewayLink | undefined;
  readonly #agents = new Map<Connection<string>, string>();

  constructor(fleet: StandingFleet, record: Record, gateway: () => GatewayLink | undefined) {
    this.#fleet = fleet;
    this.#record = record;
    this.#gateway = gateway;
  }

  /** @param rules  to the drill's own targets on this host's loopback, for as long as the connection lasts */
  async begin(compartment: Compartment, rules: readonly EgressRule[], connection: Connection<string>): Promise<void> {
    const { name } = compartment.facts.agent;
    const mine = this.#agents.get(connection);
    if ((mine !== undefined && mine !== name) || (mine === undefined && this.#fleet.leases.has(name)))
      throw new Failure('busy', `A drill of ${name} is under way.`, 'Wait for it to end.', 1);
    await this.#record.write({ event: 'drill.begin', agent: name, rules, operator: connection.peer.uid });
    this.#fleet.leases.set(name, rules);
    this.#agents.set(connection, name);
    if (mine === undefined) connection.socket.once('close', () => void this.end(connection));
    await this.#load();
  }

  async script(compartment: Compartment, script: Script, connection: Connection<string>): Promise<ScriptResult> {
    const { name } = compartment.facts.agent;
    await this.#record.write(
      { event: 'drill.attack', agent: name, id: script.arguments.id ?? '', operator: connection.peer.uid },
      'accepted',
    );
    return runScript(compartment, script);
  }

  async end(connection: Connection<string>): Promise<void> {
    const name = this.#agents.get(connection);
    if (name === undefined) return;
    this.#agents.delete(connection);
    this.#fleet.leases.delete(name);
    await this.#load();
    await this.#record.write({ event: 'drill.end', agent: name }, 'accepted');
  }

  async #load(): Promise<void> {
    if (this.#fleet.wanted) await this.#gateway()?.policy(this.#fleet.wanted, this.#fleet.leases);
  }
}

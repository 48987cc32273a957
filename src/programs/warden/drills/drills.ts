import { CLOCK_RULE } from '../../../drill/lent.ts';
import { SPARE_UID } from '../../../drill/spare-uid.ts';
import { listenerUid } from '../../../host/net/listener.ts';
import { Failure } from '../../../model/failure.ts';
import type { Lease } from '../../../model/lent-key.ts';
import type { Connection } from '../../../wire/serve.ts';
import type { drillScript, findings } from '../body.ts';
import type { Compartment } from '../compartments/compartment.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import type { Record } from '../record.ts';
import { runScript, type ScriptResult } from '../sessions/scripts.ts';

/** Whether a finding is about what a drill does at its own targets: no person is told of that. */
export function isOfDrill({ leases }: Pick<StandingFleet, 'leases'>, agent: string, text: string): boolean {
  return leases.has(agent) && /: to [a-z.]+\.test:\d+$/.test(text);
}

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

  /** @param lease  of the drill's own targets, for as long as the connection lasts
   *  @param beside  the agent that is drilled, where this one is only given what that one must not use */
  async begin(
    compartment: Compartment,
    lease: Lease,
    beside: string | undefined,
    connection: Connection<string>,
  ): Promise<void> {
    const { name } = compartment.facts.agent;
    if (connection.socket.destroyed) return;
    if (this.#agents.has(connection) || this.#fleet.leases.has(name))
      throw new Failure('drill-running', `A drill of ${name} is under way.`, 'Wait for it to end.', 1);
    const { rules } = lease;
    for (const { host, port, address } of rules)
      if (address !== '198.51.100.44' && address !== CLOCK_RULE.address && listenerUid(port) !== SPARE_UID)
        throw new Failure(
          'not-a-target',
          `${host}:${port} cannot be lent: no target of a drill listens there.`,
          'bulkhead drill makes its own targets.',
          1,
        );
    // Taken before anything is waited for: the connection may end at any time, and its end must find this.
    this.#agents.set(connection, name);
    this.#fleet.leases.set(name, { rules: [], keys: [] });
    connection.socket.once('close', () => void this.end(connection));
    try {
      await this.#record.write({
        ...{ event: 'drill.begin', drill: true, agent: name, rules, operator: connection.peer.uid },
        ...(beside === undefined ? {} : { beside }),
      });
      if (this.#agents.get(connection) !== name) return;
      this.#fleet.leases.set(name, lease);
      await this.#load();
    } catch (error) {
      await this.end(connection);
      throw error;
    }
  }

  async script(
    compartment: Compartment,
    script: ReturnType<typeof drillScript>,
    connection: Connection<string>,
  ): Promise<ScriptResult> {
    const { name } = compartment.facts.agent;
    if (this.#agents.get(connection) !== name)
      throw new Failure(
        'no-drill',
        `No drill of ${name} was begun on this connection.`,
        'Ask for drill.begin first.',
        1,
      );
    await this.#record.write(
      { event: 'drill.attack', drill: true, agent: name, id: script.attack, operator: connection.peer.uid },
      'accepted',
    );
    return runScript(compartment, script);
  }

  /** It never rejects: the end of a connection has nobody to be told, and a gateway that is away starts anew without what was lent.
   *  @param found  absent when the drill was broken off */
  async end(connection: Connection<string>, found?: ReturnType<typeof findings>): Promise<void> {
    const name = this.#agents.get(connection);
    if (name === undefined) return;
    this.#agents.delete(connection);
    this.#fleet.leases.delete(name);
    await this.#load().catch(() => {});
    this.#record.tell({ event: 'drill.end', drill: true, agent: name, ...(found ?? { why: 'broken off' }) });
  }

  async #load(): Promise<void> {
    if (this.#fleet.wanted)
      await this.#gateway()?.policy(this.#fleet.wanted, this.#fleet.leases, this.#fleet.granted());
  }
}

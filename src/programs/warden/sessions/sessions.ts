import type { SpareLaunchers } from '../../../host/launch/spare-launcher.ts';
import { Failure } from '../../../model/failure.ts';
import type { Order } from '../../../tiers/orders.ts';
import type { Connection } from '../../../wire/serve.ts';
import type { Compartment } from '../compartments/compartment.ts';
import type { Record } from '../record.ts';
import { type Command, divided, Session } from './session.ts';

/** A command that has not ended by then goes on. */
const GOES_ON_MS = 100;

/** Commands that operators run in compartments: one a connection, which ends with it. */
export class Sessions {
  readonly #record: Record;
  readonly #spares: SpareLaunchers;
  readonly #mayRun: (agent: string) => Promise<string | undefined>;
  #latest: Connection<string> | undefined;
  #goesOn: NodeJS.Timeout | undefined;
  readonly #running = new Map<Connection<string>, Session>();
  /** Connections whose command is being begun. */
  readonly #beginning = new Set<Connection<string>>();

  /** @param mayRun  counts a run, or says why it may not be */
  constructor(record: Record, spares: SpareLaunchers, mayRun: (agent: string) => Promise<string | undefined>) {
    this.#mayRun = mayRun;
    this.#record = record;
    this.#spares = spares;
  }

  async begin(
    compartment: Compartment,
    command: Command,
    connection: Connection<string>,
  ): Promise<{ ok: object; descriptors: readonly number[] }> {
    if (this.#running.has(connection) || this.#beginning.has(connection))
      throw new Failure('busy', 'One connection runs one command.', 'Open another connection.', 1);
    this.#beginning.add(connection);
    try {
      return await this.#begin(compartment, command, connection);
    } finally {
      this.#beginning.delete(connection);
    }
  }

  async #begin(
    compartment: Compartment,
    command: Command,
    connection: Connection<string>,
  ): Promise<{ ok: object; descriptors: readonly number[] }> {
    const { name: agent } = compartment.facts.agent;
    const by = connection.peer.uid;
    compartment.orders(); // refuses when the compartment is not up, before anything is recorded
    const why = await this.#mayRun(agent);
    if (why !== undefined) {
      this.#record.tell({ event: 'command.refused', agent, argv: command.argv, why, operator: by });
      throw new Failure(
        'over-budget',
        `${agent} is not to run anything more today: ${why}.`,
        'More: change its budget in fleet.yaml, or answer what waits in bulkhead approvals.',
        1,
      );
    }
    await this.#record.write({ event: 'command.started', agent, argv: command.argv, operator: by }, 'accepted');
    const begun = performance.now();
    const session = new Session(compartment, command, this.#spares, (status) => {
      this.#running.delete(connection);
      connection.notify({ exit: status });
      if (this.#latest === connection) setImmediate(() => this.#prepare(compartment));
      this.#record.tell({
        event: 'command.ended',
        agent,
        argv: command.argv,
        status,
        ms: Math.round(performance.now() - begun),
      });
    });
    this.#running.set(connection, session);
    // The next spares are started when the command has ended, or is seen to go on: until then the processors are the command's.
    // Where many are begun at once, that is once, after the last of them.
    this.#latest = connection;
    clearTimeout(this.#goesOn);
    this.#goesOn = setTimeout(() => this.#prepare(compartment), GOES_ON_MS);
    if (connection.socket.destroyed)
      session.hangUp(); // whoever wanted it has gone while it was recorded
    else connection.socket.once('close', () => session.hangUp());
    return { ok: { descriptors: session.descriptors.length }, descriptors: session.descriptors };
  }

  /** For the next command, which is likely to be in the same compartment. */
  #prepare(compartment: Compartment): void {
    clearTimeout(this.#goesOn);
    this.#latest = undefined;
    this.#spares.prepare(placeIn(compartment));
  }

  /** Before its processes are frozen. */
  leave(): void {
    this.#spares.leave();
  }

  signal(connection: Connection<string>, signal: NodeJS.Signals): void {
    this.#running.get(connection)?.signal(signal);
  }
}

/** @returns undefined while nothing can be started in it */
function placeIn(compartment: Compartment): readonly Order[] | undefined {
  try {
    return divided(compartment.orders()).place;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

import type { Begun, SpareLauncher } from '../../host/spare-launcher.ts';
import { Failure } from '../../model/failure.ts';
import type { Connection } from '../../wire/serve.ts';
import type { Compartment } from './compartment.ts';
import type { Record } from './record.ts';
import { type Command, Session } from './session.ts';

const GOES_ON_MS = 100;

/** Commands that operators run in compartments: one a connection, which ends with it. */
export class Sessions {
  readonly #record: Record;
  readonly #spare: SpareLauncher;
  readonly #running = new Map<Connection<string>, Session>();

  constructor(record: Record, spare: SpareLauncher) {
    this.#record = record;
    this.#spare = spare;
  }

  async begin(
    compartment: Compartment,
    command: Command,
    connection: Connection<string>,
  ): Promise<{ ok: object; descriptors: readonly number[] }> {
    if (this.#running.has(connection))
      throw new Failure('busy', 'One connection runs one command.', 'Open another connection.', 1);
    const { name: agent } = compartment.facts.agent;
    const by = connection.peer.uid;
    compartment.orders(); // refuses when the compartment is not up, before anything is recorded
    await this.#record.write({ event: 'command.started', agent, argv: command.argv, operator: by }, 'accepted');
    const begun = performance.now();
    const session = new Session(
      compartment,
      command,
      () => this.#takeLauncher(),
      (status) => {
        this.#running.delete(connection);
        connection.notify({ exit: status });
        setImmediate(() => this.#spare.prepare());
        this.#record.tell({
          event: 'command.ended',
          agent,
          argv: command.argv,
          status,
          ms: Math.round(performance.now() - begun),
        });
      },
    );
    this.#running.set(connection, session);
    connection.socket.once('close', () => this.#running.get(connection)?.hangUp());
    return { ok: { descriptors: session.descriptors.length }, descriptors: session.descriptors };
  }

  /** The next spare is started when the command has ended, or is seen to go on: until then the processors are the command's. */
  #takeLauncher(): Begun {
    setTimeout(() => this.#spare.prepare(), GOES_ON_MS);
    return this.#spare.take();
  }

  signal(connection: Connection<string>, signal: NodeJS.Signals): void {
    this.#running.get(connection)?.signal(signal);
  }
}

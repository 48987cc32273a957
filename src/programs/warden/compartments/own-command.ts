import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Streams } from '../../../host/launch/launch.ts';
import { pipe } from '../../../host/pipes.ts';
import type { WantedAgent } from '../../../model/fleet.ts';
import type { Order } from '../../../tiers/orders.ts';
import type { LogFile } from '../logs/log-file.ts';
import { type Attempts, NO_ATTEMPTS, nextAttempt } from '../programs/backoff.ts';

/** The compartment that a command runs in, as far as the command needs it. */
export interface Home {
  /** Starts a launcher in it, with these orders besides those that lead there. */
  readonly enter: (orders: readonly Order[], stdio: Streams) => ChildProcess;
  /** It stands, and nobody stopped it. */
  readonly open: () => boolean;
  /** The command is to be started: it ended, and the compartment is not paused. */
  readonly waits: () => boolean;
  readonly became: (state: 'running' | 'ended', why?: string) => void;
  readonly mayRun: () => Promise<string | undefined>;
  readonly record: (event: string, fields: object) => Promise<void>;
  readonly tell: (event: string, fields: object) => void;
  readonly log: LogFile;
}

/** An agent's own command: run for as long as its compartment stands, and started again when it ends. */
export class OwnCommand {
  readonly #agent: WantedAgent & { readonly command: readonly string[] };
  readonly #home: Home;
  #process: ChildProcess | undefined;
  #attempts: Attempts = NO_ATTEMPTS;
  #retry: NodeJS.Timeout | undefined;

  constructor(agent: WantedAgent & { readonly command: readonly string[] }, home: Home) {
    this.#agent = agent;
    this.#home = home;
  }

  get runs(): boolean {
    return this.#process !== undefined;
  }

  get restarts(): number {
    return this.#attempts.total;
  }

  /** The first time: its compartment's own start is on record. */
  async begin(): Promise<void> {
    const why = await this.#home.mayRun();
    if (why === undefined) return this.start();
    this.#home.became('ended', why);
    this.startLater(Date.now(), why);
  }

  start(): void {
    const { command, name } = this.#agent;
    const begun = Date.now();
    const out = pipe();
    const args = command.map((value): Order => ({ do: 'arg', value }));
    const child = this.#home.enter(args, ['ignore', out.write, out.write]);
    closeSync(out.write);
    this.#home.log.take(new Socket({ fd: out.read, readable: true, writable: false }));
    this.#process = child;
    this.#home.became('running');
    child.once('exit', (code, signal) => {
      if (this.#process !== child) return;
      this.#process = undefined;
      if (!this.#home.open()) return;
      const how = signal ?? `status ${code}`;
      this.#home.tell('command.ended', { agent: name, argv: command, how });
      this.#home.became('ended', `its command ended with ${how}`);
      this.startLater(begun, `${name} ended (${how})`);
    });
  }

  /** Recorded first, like every start. What the ledger refuses is tried again.
   *  @param begun  when the last start began, milliseconds since 1970 */
  startLater(begun: number, why: string): void {
    const { command, name } = this.#agent;
    const { attempts, waitMs } = nextAttempt(this.#attempts, Date.now() - begun);
    this.#attempts = attempts;
    this.#home.log.note(`${why}; its command is started again in ${waitMs} ms`);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (!this.#home.waits()) return;
      this.#startAgain({ agent: name, argv: command, restart: attempts.total }).then(
        () => this.#home.waits() && this.start(),
        (error: Error) => this.#home.waits() && this.startLater(Date.now(), error.message),
      );
    }, waitMs);
  }

  /** @throws Error why not */
  async #startAgain(entry: object): Promise<void> {
    const why = await this.#home.mayRun();
    if (why !== undefined) {
      this.#home.became('ended', why);
      throw new Error(why);
    }
    await this.#home.record('command.started', entry);
  }

  /** Its compartment has gone, and its process with it. */
  forget(): void {
    clearTimeout(this.#retry);
    this.#process = undefined;
  }
}

import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { launch } from '../../../host/launch/launch.ts';
import type { Order } from '../../../tiers/orders.ts';
import type { LogFile } from '../logs/log-file.ts';
import { type Attempts, NO_ATTEMPTS, nextAttempt } from './backoff.ts';

/** One start of a program: the orders, its descriptors (given away once it has them), and what to do when it stands. */
export interface Start {
  readonly orders: readonly Order[];
  readonly descriptors: readonly number[];
  /** Descriptors of ours that live exactly as long as it does. */
  readonly held: readonly number[];
  /** Resolves when the program serves. */
  readonly ready: () => Promise<void>;
}

/** Keeps one of our own programs running, with back-off. */
export class Program {
  readonly name: string;
  readonly #prepare: () => Start;
  readonly #log: LogFile;
  #child: ChildProcess | undefined;
  #attempts: Attempts = NO_ATTEMPTS;
  #state: 'down' | 'starting' | 'running' | 'ending' = 'down';
  onReady: () => void = () => {};
  onEnd: (why: string) => void = () => {};

  constructor(name: string, prepare: () => Start, log: LogFile) {
    this.name = name;
    this.#prepare = prepare;
    this.#log = log;
  }

  get state(): string {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get restarts(): number {
    return this.#attempts.total;
  }

  /** What it cannot be given now, for want of a descriptor or a file, it is given later. */
  start(): void {
    const begun = Date.now();
    this.#state = 'starting';
    try {
      this.#launch(begun);
    } catch (error) {
      this.#ended(begun, `not started: ${(error as Error).message}`);
    }
  }

  #launch(begun: number): void {
    const { orders, descriptors, held, ready } = this.#prepare();
    const child = launch(
      'program',
      [...orders, { do: 'keep', count: descriptors.length }],
      ['ignore', 'pipe', 'pipe'],
      descriptors,
    );
    for (const fd of descriptors) closeSync(fd);
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) if (stream) this.#log.take(stream);
    child.once('exit', (code, signal) => {
      for (const fd of held) closeSync(fd);
      this.#ended(begun, signal ?? `status ${code}`);
    });
    ready().then(
      () => {
        if (this.#child !== child) return;
        this.#state = 'running';
        this.onReady();
      },
      (error: Error) => {
        this.#log.note(`${this.name} did not come up: ${error.message}`);
        child.kill('SIGKILL');
      },
    );
  }

  /** Ends what runs of it now; it is started again. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Ends it for good. */
  async end(): Promise<void> {
    const child = this.#child;
    this.#state = 'ending';
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(hard);
  }

  #ended(begun: number, how: string): void {
    this.#child = undefined;
    if (this.#state === 'ending') return;
    this.#state = 'down';
    const { attempts, waitMs } = nextAttempt(this.#attempts, Date.now() - begun);
    this.#attempts = attempts;
    this.#log.note(`${this.name} ended (${how}); starting it again in ${waitMs} ms`);
    this.onEnd(how);
    setTimeout(() => this.#state === 'down' && this.start(), waitMs);
  }
}

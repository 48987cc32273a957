import type { ChildProcess } from 'node:child_process';
import { basename } from 'node:path';
import type { Grip, Held } from '../../../host/cgroup/grip.ts';
import { launch, type Streams } from '../../../host/launch/launch.ts';
import { childrenOf, endProcess } from '../../../host/processes/processes.ts';
import { Failure } from '../../../model/failure.ts';
import { createOrders } from '../../../tiers/create.ts';
import type { CompartmentFacts } from '../../../tiers/facts.ts';
import type { Order } from '../../../tiers/orders.ts';
import { agentEnvironment, enterOrders } from '../../../tiers/sandbox.ts';
import { type Attempts, NO_ATTEMPTS, nextAttempt } from '../programs/backoff.ts';
import { FirstProcess } from './first-process.ts';
import { writeHomeFiles } from './home-files.ts';
import type { NetSpace } from './net-space.ts';
import { type Home, OwnCommand } from './own-command.ts';
import type { Surroundings } from './surroundings.ts';

export type CompartmentState = 'starting' | 'idle' | 'running' | 'waiting' | 'paused' | 'stopped' | 'failed';

const STOPPED = 'it was stopped while it was being put up';

/** One compartment and the agent in it, from start to end, started again when they end by themselves. */
export class Compartment {
  #facts: CompartmentFacts;
  readonly digest: string;
  readonly #around: Surroundings;
  #first: FirstProcess | undefined;
  readonly #command: OwnCommand | undefined;
  #state: CompartmentState = 'starting';
  #since = new Date();
  #why: string | undefined;
  #attempts: Attempts = NO_ATTEMPTS;
  #retry: NodeJS.Timeout | undefined;
  #placeholders: Readonly<Record<string, string>> = {};

  constructor(facts: CompartmentFacts, digest: string, around: Surroundings) {
    this.#facts = facts;
    this.digest = digest;
    this.#around = around;
    const { agent } = facts;
    if (agent.command) this.#command = new OwnCommand({ ...agent, command: agent.command }, this.#home());
  }

  get facts(): CompartmentFacts {
    return this.#facts;
  }

  /** An up has changed what needs no other compartment (a limit, a check of health, what is granted). */
  learn(facts: CompartmentFacts): void {
    this.#facts = facts;
  }

  get state(): CompartmentState {
    return this.#state;
  }

  get since(): Date {
    return this.#since;
  }

  get why(): string | undefined {
    return this.#why;
  }

  get restarts(): number {
    return this.#attempts.total + (this.#command?.restarts ?? 0);
  }

  /** Pid, on the host, of the first process in the compartment's process namespace. */
  get firstPid(): number | undefined {
    return this.#first?.pid;
  }

  get standing(): boolean {
    return this.firstPid !== undefined;
  }

  /** Where its network is, while it stands. */
  get network(): NetSpace | undefined {
    const { network } = this.facts;
    if (!this.standing || this.keeperPid === undefined) return undefined;
    if (network.in === 'namespace') return { name: basename(network.path), path: network.path };
    return network.in === 'own' ? { keeperPid: this.keeperPid } : { hostUid: this.facts.uid };
  }

  get keeperPid(): number | undefined {
    return this.#first?.keeperPid;
  }

  /** How it is seen that all its processes are as they were told. */
  get measured(): Grip['measured'] {
    return this.#around.grip.measured;
  }

  get #held(): Held {
    return this.#first?.held ?? { keeper: undefined, firstPid: undefined };
  }

  /** Puts up the walls, then starts the agent's command, if it has one. */
  async start(): Promise<void> {
    clearTimeout(this.#retry);
    if (this.standing) return;
    const { agent } = this.facts;
    const begun = Date.now();
    try {
      this.#become('starting');
      await this.#around.record('agent.started', { agent: agent.name, tier: agent.tier, digest: this.digest });
      if (this.#state !== 'starting') throw new Error(STOPPED);
      await this.#putUp(begun);
      if (this.#command) await this.#command.begin();
      else this.#become('idle');
    } catch (error) {
      await this.#clearAway();
      if (this.#state !== 'stopped') {
        this.#become('failed', (error as Error).message);
        this.#scheduleStart(begun);
      }
      throw new Failure(
        'no-compartment',
        `The compartment of ${agent.name} could not be put up: ${(error as Error).message}`,
        `What this machine can do: bulkhead doctor. All it said: bulkhead logs ${agent.name}`,
        3,
      );
    }
  }

  async #putUp(begun: number): Promise<void> {
    this.#around.watch(this);
    await this.#around.mustHold?.();
    await this.#around.gate?.pause(this.facts.agent.name, false);
    // Without a process namespace, what a killed warden and keeper left behind would share the cgroup with the new one.
    if (this.facts.network.in === 'host') await this.#around.grip.killAll(this.#held);
    const keeper = launch('create', createOrders(this.facts), ['pipe', 'pipe', 'pipe']);
    const first = new FirstProcess(keeper, (text) => this.#around.log.note(`compartment: ${text}`));
    this.#first = first;
    first.whenEnded((how) => void this.#ended(first, begun, how));
    await first.stand();
    if (this.#first !== first) throw new Error(STOPPED);
    if (this.network) await this.#around.connect(this.network);
    this.#placeholders = await this.#around.placeholders();
    if (this.#around.homeFiles) await writeHomeFiles(this, await this.#around.homeFiles());
  }

  /** Ends every process in it and leaves it down until `start`. */
  async stop(why = 'stopped by the operator'): Promise<void> {
    clearTimeout(this.#retry);
    const was = this.standing;
    this.#become('stopped', why);
    await this.#clear();
    if (was) this.#around.tell('agent.ended', { agent: this.facts.agent.name, why });
  }

  /** @returns milliseconds until the kernel said frozen */
  async pause(): Promise<number> {
    const begun = performance.now();
    await this.#around.gate?.pause(this.facts.agent.name, true);
    await this.#around.grip.freeze(this.#held);
    if (!this.#around.grip.frozen(this.#held))
      throw new Failure(
        'not-frozen',
        `${this.facts.agent.name} could not be frozen.`,
        `End it instead: bulkhead stop ${this.facts.agent.name}`,
        1,
      );
    this.#become('paused');
    return performance.now() - begun;
  }

  async resume(): Promise<void> {
    await this.#around.gate?.pause(this.facts.agent.name, false);
    await this.#around.grip.thaw(this.#held);
    this.#become(!this.#command ? 'idle' : this.#command.runs ? 'running' : 'waiting');
    if (this.#state === 'waiting') this.#command?.startLater(Date.now(), 'it was resumed');
  }

  /** Pids on the host, the launcher's own among them. */
  processes(): number[] {
    return this.#around.grip.processes(this.#held);
  }

  /** @throws Failure when the compartment is not up */
  orders(environment: Readonly<Record<string, string>> = {}): Order[] {
    if (this.firstPid === undefined || this.keeperPid === undefined || this.#state === 'paused')
      throw new Failure(
        'not-running',
        `${this.facts.agent.name} is ${this.#state}, so nothing can be started in its compartment.`,
        `First: bulkhead ${this.#state === 'paused' ? 'resume' : 'restart'} ${this.facts.agent.name}`,
        1,
      );
    const pids = { firstPid: this.firstPid, keeperPid: this.keeperPid };
    return enterOrders(this.facts, pids, { ...agentEnvironment(this.facts), ...this.#placeholders, ...environment });
  }

  /** What a launcher in here gets as descriptors from 4 on: where the gate takes what judges its starts. */
  get handedOn(): readonly number[] {
    const { gate } = this.#around;
    return gate ? [gate.launchers] : [];
  }

  /** Starts a launcher in here. */
  enter(mode: 'enter' | 'script', orders: readonly Order[], stdio: Streams): ChildProcess {
    return launch(mode, orders, stdio, this.handedOn);
  }

  /** Ends what a launcher of ours has started in here; the launcher then ends by itself. */
  endChildren(launcher: number): void {
    for (const pid of childrenOf(launcher)) endProcess(pid);
  }

  #home(): Home {
    const { mayRun, record, tell, log } = this.#around;
    return {
      ...{ mayRun, record, tell, log },
      enter: (args, stdio) => this.enter('enter', [...this.orders(), ...args], stdio),
      open: () => this.standing && this.#state !== 'stopped',
      waits: () => this.#state === 'waiting',
      became: (state, why) => {
        if (state === 'running') this.#become('running');
        else if (this.#state !== 'paused') this.#become('waiting', why);
      },
    };
  }

  /** The walls themselves went away. */
  async #ended(first: FirstProcess, begun: number, how: string): Promise<void> {
    if (this.#first !== first || !this.standing) return;
    const { name } = this.facts.agent;
    await this.#clearAway();
    this.#become('failed', `its compartment ended with ${how}`);
    this.#around.tell('agent.ended', { agent: name, why: how });
    this.#around.log.note(`the compartment ended (${how})`);
    this.#scheduleStart(begun);
  }

  /** What ended by itself, or could not be put up (no ledger, no memory ...), is tried again until somebody stops the agent.
   *  @param begun  when the last start began, milliseconds since 1970 */
  #scheduleStart(begun: number): void {
    const { attempts, waitMs } = nextAttempt(this.#attempts, Date.now() - begun);
    this.#attempts = attempts;
    this.#around.log.note(`the compartment is put up again in ${waitMs} ms`);
    this.#retry = setTimeout(() => {
      if (this.#state !== 'failed') return;
      this.start().catch((error: Error) => this.#around.log.note(error.message)); // which tries again by itself
    }, waitMs);
  }

  /** For what is started again whatever is left of it. */
  async #clearAway(): Promise<void> {
    await this.#clear().catch((error: Error) => this.#noteOf(`not all of it could be ended: ${error.message}`));
  }

  /** @throws Failure when a process outlives it */
  async #clear(): Promise<void> {
    const first = this.#first;
    const held = this.#held;
    this.#command?.forget();
    this.#first = undefined;
    this.#around.unwatch(this);
    await this.#around.grip.killAll(held);
    if (first && !(await first.ended())) this.#noteOf('its launcher did not end with its compartment, and was killed');
    // A gateway that goes meanwhile knows nothing of it any more.
    await this.#around.disconnect().catch((error: Error) => this.#noteOf(`the gateway did not hear: ${error.message}`));
  }

  #noteOf(text: string): void {
    this.#around.note(`${this.facts.agent.name}: ${text}`);
  }

  #become(state: CompartmentState, why?: string): void {
    if (state !== this.#state) this.#since = new Date();
    this.#state = state;
    this.#why = why;
  }
}

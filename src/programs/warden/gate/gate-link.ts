import { Socket } from 'node:net';
import { SOCK_DGRAM, SOCK_STREAM, socketPair } from '../../../host/pipes.ts';
import { Failure, failureDocument } from '../../../model/failure.ts';
import { Client } from '../../../wire/client.ts';
import type { AgentPolicy } from '../../../wire/gate-policy.ts';
import { DescriptorWay } from '../programs/descriptor-way.ts';

/** A listener as the warden keeps it, for the gate after this one. */
export interface KeptListener {
  readonly number: number;
  readonly fd: number;
  readonly agent: string;
  readonly device: string;
  readonly inode: string;
  readonly asks: boolean;
}

/** Commands that run outside for an agent. */
export interface Outside {
  readonly ask: (agent: unknown, argv: unknown, via: string) => Promise<object>;
  /** @returns a socket to it, the caller's */
  readonly start: (ticket: unknown) => Promise<number>;
}

/** What the gate may ask of us. */
export interface GateAsks {
  readonly ask: (frame: Readonly<Record<string, unknown>>) => Promise<object>;
  /** @param process  a descriptor of the process that is to be started */
  readonly use: (frame: Readonly<Record<string, unknown>>, process: number) => Promise<void>;
  readonly look: (frame: Readonly<Record<string, unknown>>) => object;
  readonly cover: (frame: Readonly<Record<string, unknown>>) => Promise<object>;
  readonly uncover: (ticket: number) => Promise<void>;
  readonly outside: Outside;
  readonly keep: (listener: KeptListener) => void;
  readonly gone: (number: number) => void;
}

/** The warden's end of one running gate. */
export class GateLink {
  readonly #client: Client;
  readonly #way: DescriptorWay;
  readonly #asks: GateAsks;
  /** The gate's ends, to be given to it at its start. */
  readonly theirs: readonly [number, number];
  /** Agents whose tree it has. */
  readonly trees: Set<string> = new Set();

  constructor(asks: GateAsks) {
    const control = socketPair(SOCK_STREAM);
    const descriptors = socketPair(SOCK_DGRAM);
    this.theirs = [control.theirs, descriptors.theirs];
    this.#way = new DescriptorWay(descriptors.ours);
    this.#asks = asks;
    this.#client = new Client(new Socket({ fd: control.ours }));
    this.#client.onNotice = (frame) => void this.#answer(frame as Record<string, unknown>);
    this.#client.onEnd = () => this.#way.close();
  }

  async ready(): Promise<void> {
    await this.#client.call('status');
  }

  /** @param folder  a mount of the folder in which its copies have their names, ours to close */
  async tree(agent: string, folder: number): Promise<void> {
    this.#way.show([folder]);
    await this.#client.call('tree', { agent });
  }

  /** @param up  a person put the fleet up: what files are now is accepted */
  async policy(agents: readonly AgentPolicy[], up: boolean): Promise<void> {
    await this.#client.call('policy', { agents, up });
  }

  /** Gives it what an earlier gate had, and lets it begin. */
  async resume(listeners: readonly KeptListener[]): Promise<void> {
    for (const { fd, ...facts } of listeners) {
      this.#way.show([fd]);
      await this.#client.call('listener', facts);
    }
    await this.#client.call('begin');
  }

  async pause(agent: string, paused: boolean): Promise<void> {
    await this.#client.call('pause', { agent, paused });
  }

  async answered(question: number, state: string): Promise<void> {
    await this.#client.call('answered', { question, state });
  }

  async #answer(frame: Record<string, unknown>): Promise<void> {
    const { id } = frame;
    try {
      if (frame.do === 'elevated.start') {
        this.#way.give([await this.#asks.outside.start(frame.ticket)]);
        return this.#client.reply({ id, ok: {} });
      }
      this.#client.reply({ id, ok: (await this.#obey(frame)) ?? {} });
    } catch (error) {
      const failure =
        error instanceof Failure
          ? error
          : new Failure('internal', (error as Error).message, 'See: bulkhead logs warden', 1);
      this.#client.reply({ id, error: failureDocument(failure) });
    }
  }

  #obey(frame: Record<string, unknown>): unknown {
    if (frame.do === 'question.ask') return this.#asks.ask(frame);
    if (frame.do === 'question.look') return this.#asks.look(frame);
    if (frame.do === 'question.use') return this.#asks.use(frame, this.#way.take('process'));
    if (frame.do === 'own.cover') return this.#asks.cover(frame);
    if (frame.do === 'own.uncover') return this.#asks.uncover(Number(frame.ticket));
    if (frame.do === 'elevated.ask') return this.#asks.outside.ask(frame.agent, frame.argv, 'bulkhead-do');
    if (frame.do === 'listener.keep') {
      const fd = this.#way.take('listener');
      const { number, agent, device, inode, asks } = frame as unknown as Omit<KeptListener, 'fd'>;
      return this.#asks.keep({ number, fd, agent, device, inode, asks });
    }
    if (frame.do === 'listener.gone') return this.#asks.gone(Number(frame.number));
    throw new Failure('unknown-request', 'the gate may not ask for this', 'Run bulkhead up again.', 1);
  }
}

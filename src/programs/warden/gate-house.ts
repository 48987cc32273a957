import { closeSync, writeFileSync } from 'node:fs';
import { duplicate, memoryFile } from '../../host/gate-ground.ts';
import { SOCK_DGRAM, socketPair } from '../../host/pipes.ts';
import { ASK } from '../../model/ask-times.ts';
import type { ProgramStatus } from '../../model/documents.ts';
import type { Places } from '../../plan/places.ts';
import type { CompartmentFacts } from '../../tiers/facts.ts';
import { syscallFilter } from '../../tiers/filter/filter.ts';
import { agentEnvironment } from '../../tiers/sandbox.ts';
import { stubFile } from '../../tiers/stub/stub.ts';
import { type AgentPolicy, PLACE_BYTES, PLACES } from '../../wire/gate-policy.ts';
import { type GateAsks, GateLink, type KeptListener } from './gate-link.ts';
import type { Logs } from './logs.ts';
import { gateProgram } from './own-programs.ts';
import type { Program } from './program.ts';

/** The exec gate, kept running, and what must outlive each of its lives: every listener, what was asked and not answered, and the
 *  end that launchers send new listeners to. With those, a gate that dies leaves nobody behind. */
export class GateHouse {
  readonly #launchers: { ours: number; theirs: number };
  readonly #flight: number;
  readonly #kept = new Map<number, KeptListener>();
  readonly #facts: () => readonly CompartmentFacts[];
  readonly #paused = new Set<string>();
  readonly #program: Program;
  readonly #note: (text: string) => void;
  #link: GateLink | undefined;

  /** @param facts  of all compartments there are to be */
  constructor(
    places: Places,
    logs: Logs,
    asks: Pick<GateAsks, 'ask' | 'use' | 'outside'>,
    facts: () => readonly CompartmentFacts[],
  ) {
    const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
    writeFileSync(places.gatedFilter, syscallFilter(arch, true), { mode: 0o644 });
    writeFileSync(places.stub, stubFile(arch), { mode: 0o644 });
    this.#launchers = socketPair(SOCK_DGRAM);
    this.#flight = memoryFile('bulkhead-flight', PLACE_BYTES * PLACES);
    this.#facts = facts;
    this.#note = (text) => logs.ofProgram('warden').note(text);
    const all: GateAsks = {
      ...asks,
      keep: (listener) => void this.#kept.set(listener.number, listener),
      gone: (number) => this.#gone(number),
    };
    this.#program = gateProgram(places, logs, () => {
      this.#link = new GateLink(all);
      return { link: this.#link, more: [duplicate(this.#launchers.ours), duplicate(this.#flight)] };
    });
    this.#program.onReady = () => void this.#stands();
  }

  /** Where launchers send their listeners. */
  get launchers(): number {
    return this.#launchers.theirs;
  }

  get status(): ProgramStatus {
    const { name, state, pid, restarts } = this.#program;
    return { ...{ name, state, restarts }, ...(pid === undefined ? {} : { pid }) };
  }

  start(): void {
    this.#program.start();
  }

  end(): Promise<void> {
    return this.#program.end();
  }

  /** Tells the gate what there is. Without a gate, the next one is told. */
  async policy(): Promise<void> {
    if (this.#running) await this.#running.policy(this.#policies());
  }

  /** Whoever waits in a call cannot be frozen: while its agent is paused nobody does. */
  async pause(agent: string, paused: boolean): Promise<void> {
    if (paused) this.#paused.add(agent);
    else this.#paused.delete(agent);
    await this.#running?.pause(agent, paused);
  }

  answered(question: number, state: string): void {
    this.#running?.answered(question, state).catch(() => {}); // the next gate asks anew
  }

  get #running(): GateLink | undefined {
    return this.#program.state === 'running' ? this.#link : undefined;
  }

  async #stands(): Promise<void> {
    const link = this.#link;
    try {
      await link?.policy(this.#policies());
      for (const agent of this.#paused) await link?.pause(agent, true);
      await link?.resume([...this.#kept.values()]);
    } catch (error) {
      this.#note(`the gate could not begin, so nothing is started: ${(error as Error).message}`);
    }
  }

  #policies(): AgentPolicy[] {
    return this.#facts().flatMap((facts) => {
      const { agent, gate, programs } = facts;
      if (gate === undefined) return [];
      const { behind: stubs, denied } = gate;
      const paths = programs.flatMap(({ file, links }) => [file, ...links.map(({ at }) => at)]);
      return {
        agent: agent.name,
        exec: { ...agent.exec, deny: denied },
        allowed: [...programs.map(({ name }) => name), ...paths],
        names: [...Object.keys(stubs), ...paths],
        stubs,
        waitMs: agent.ask?.wait ?? ASK.wait,
        given: agentEnvironment(facts),
      };
    });
  }

  #gone(number: number): void {
    const listener = this.#kept.get(number);
    if (listener) closeSync(listener.fd);
    this.#kept.delete(number);
  }
}

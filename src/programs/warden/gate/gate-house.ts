import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { detachedTree } from '../../../host/gate/detached-tree.ts';
import { duplicate, memoryFile } from '../../../host/gate/gate-ground.ts';
import type { OrdinaryUser } from '../../../host/machine/ordinary-user.ts';
import { SOCK_DGRAM, socketPair } from '../../../host/pipes.ts';
import { ASK } from '../../../model/ask-times.ts';
import type { ProgramStatus } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import type { Places } from '../../../plan/places.ts';
import type { CompartmentFacts } from '../../../tiers/facts.ts';
import { syscallFilter } from '../../../tiers/filter/filter.ts';
import { offlineFilter } from '../../../tiers/filter/offline.ts';
import { agentEnvironment } from '../../../tiers/sandbox.ts';
import { stubFile } from '../../../tiers/stub/stub.ts';
import { type AgentPolicy, PLACE_BYTES, PLACES } from '../../../wire/gate-policy.ts';
import { handedOut } from '../compartments/handed-out.ts';
import type { Logs } from '../logs/logs.ts';
import { gateProgram } from '../programs/own-programs.ts';
import type { Program } from '../programs/program.ts';
import { type GateAsks, GateLink, type KeptListener } from './gate-link.ts';
import { wantedOf } from './own-covering.ts';
import { OwnCovers } from './own-covers.ts';

/** How long `up` waits for a gate that is just being started again. */
const HEARD_MS = 15_000;
const LOOK_MS = 20;

/** The exec gate, kept running, and what must outlive each of its lives: every listener, what was asked and not answered, and the
 *  end that launchers send new listeners to. With those, a gate that dies leaves nobody behind. */
export class GateHouse {
  readonly #launchers: { ours: number; theirs: number };
  readonly #flight: number;
  readonly #kept = new Map<number, KeptListener>();
  readonly #facts: () => Iterable<CompartmentFacts> | undefined;
  readonly #paused = new Set<string>();
  readonly #program: Program;
  readonly #note: (text: string) => void;
  readonly #pins: string;
  readonly #user: OrdinaryUser | undefined;
  #link: GateLink | undefined;
  #told: Promise<void> = Promise.resolve();

  /** @param facts  of all compartments there are to be; undefined as long as nobody knows */
  constructor(
    places: Places,
    logs: Logs,
    asks: Pick<GateAsks, 'ask' | 'use' | 'look' | 'outside'>,
    facts: () => Iterable<CompartmentFacts> | undefined,
    user: OrdinaryUser | undefined,
  ) {
    const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
    writeFileSync(places.gatedFilter, syscallFilter(arch, true), { mode: 0o644 });
    writeFileSync(places.offlineFilter, offlineFilter(arch), { mode: 0o644 });
    writeFileSync(places.stub, stubFile(arch), { mode: 0o644 });
    this.#launchers = socketPair(SOCK_DGRAM);
    this.#flight = memoryFile('bulkhead-flight', PLACE_BYTES * PLACES);
    this.#facts = facts;
    this.#pins = places.pins;
    this.#user = user;
    this.#note = (text) => logs.ofProgram('warden').note(text);
    const covers = new OwnCovers(places.pins, this.#note);
    const all: GateAsks = {
      ...asks,
      cover: (frame) =>
        covers.cover(frame, wantedOf([...(this.#facts() ?? [])].find(({ agent }) => agent.name === frame.agent))),
      uncover: (ticket) => covers.uncover(ticket),
      keep: (listener) => void this.#kept.set(listener.number, listener),
      gone: (number) => this.#gone(number),
    };
    this.#program = gateProgram(places, user, logs, () => {
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
    if (this.#running) await this.#tell(this.#running);
  }

  /** What the files are now that policy allows something of is what a person wants: nobody and nothing else says so.
   *  @throws Failure when no gate hears it in time */
  async up(): Promise<void> {
    const late = Date.now() + HEARD_MS;
    for (;;) {
      const link = this.#running;
      try {
        if (link) return await this.#tell(link, true);
      } catch (error) {
        if (this.#running === link) throw error; // else it ended meanwhile, and the next one is told
      }
      if (Date.now() > late)
        throw new Failure(
          'no-gate',
          'The exec gate does not come up, so what is put up is not accepted.',
          'The reason is in: bulkhead logs gate',
          3,
        );
      await sleep(LOOK_MS);
    }
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
      if (link) await this.#tell(link);
      for (const agent of this.#paused) await link?.pause(agent, true);
      await link?.resume([...this.#kept.values()]);
    } catch (error) {
      this.#note(`the gate could not begin, so nothing is started: ${(error as Error).message}`);
    }
  }

  /** One after the other: what is told last is what was known last. */
  #tell(link: GateLink, up = false): Promise<void> {
    const mine = this.#told.then(() => this.#tellNow(link, up));
    this.#told = mine.catch(() => {}); // whoever asked is told
    return mine;
  }

  /** What to judge by, and where the copies of each agent have their names. Without a fleet nothing: a gate that heard of none would forget
   *  what was accepted for it. */
  async #tellNow(link: GateLink, up: boolean): Promise<void> {
    const facts = this.#facts();
    if (facts === undefined) return;
    const policies = policiesOf(facts);
    const agents = new Set(policies.map(({ agent }) => agent));
    for (const agent of link.trees) if (!agents.has(agent)) link.trees.delete(agent);
    for (const agent of agents) {
      if (link.trees.has(agent)) continue;
      const folder = `${this.#pins}/named/${agent}`;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      let tree: number;
      try {
        tree = this.#user ? await closedTree(folder) : detachedTree(folder);
      } catch (error) {
        if (this.#user) throw error; // the copies are its own user's, who could change them through any other mount
        this.#note(`programs of ${agent} see themselves under the path of a copy: ${(error as Error).message}`);
        link.trees.add(agent); // as it will be the next time
        continue;
      }
      await link.tree(agent, tree).finally(() => closeSync(tree));
      link.trees.add(agent);
    }
    await link.policy(policies, up);
  }

  #gone(number: number): void {
    const listener = this.#kept.get(number);
    if (listener) closeSync(listener.fd);
    this.#kept.delete(number);
  }
}

function policiesOf(all: Iterable<CompartmentFacts>): AgentPolicy[] {
  return [...all].flatMap((facts): AgentPolicy[] => {
    const { agent, gate, programs, trees, network } = facts;
    if (gate === undefined) return [];
    const { behind: stubs, denied } = gate;
    const paths = programs.flatMap(({ file, links }) => [file, ...links.map(({ at }) => at)]);
    return [
      {
        agent: agent.name,
        exec: { ...agent.exec, deny: denied },
        allowed: [...programs.map(({ name }) => name), ...paths],
        names: [...Object.keys(stubs), ...paths],
        stubs,
        waitMs: agent.ask?.wait ?? ASK.wait,
        given: agentEnvironment(facts),
        ...(network.in === 'host' && { host: { trees } }),
      },
    ];
  });
}

/** Without root: a mount of this folder through which nothing can be changed. What runs from it has its owner's uid, and could change itself. */
async function closedTree(folder: string): Promise<number> {
  const [tree] = await handedOut('tree', [{ do: 'rootless' }, { do: 'tree', at: folder }]);
  if (tree === undefined) throw new Error(`no mount of ${folder}`);
  return tree;
}

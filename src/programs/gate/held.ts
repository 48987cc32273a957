import { pidOf, refuse, stillWaits } from '../../host/gate/seccomp-notify.ts';
import { ASK_AGAIN } from '../../tiers/stub/instruction.ts';
import type { Flight } from './flight.ts';
import type { Asker, FromHot, ListenerFacts } from './messages.ts';

/** What one agent may have waiting for somebody else's answer, and in all. */
const MOST_HELD = 256;

/** A stub that asks. */
export interface Held extends Asker {
  readonly facts: ListenerFacts;
  /** The descriptor that it tries. */
  readonly at: number;
}

/** Who waits for an answer that is not the hot thread's to give, and whose agent is paused. */
export class Holding {
  readonly #flight: Flight;
  readonly #tell: (message: FromHot) => void;
  readonly #held = new Map<number, Held>();
  readonly #counts = new Map<string, number>();
  readonly #paused = new Set<string>();

  constructor(flight: Flight, tell: (message: FromHot) => void) {
    this.#flight = flight;
    this.#tell = tell;
  }

  /** Whether another question of this agent can be held. */
  room(agent: string): boolean {
    return this.#flight.room > MOST_HELD && (this.#counts.get(agent) ?? 0) < MOST_HELD;
  }

  hold(held: Held): void {
    this.#held.set(held.place, held);
    this.count(held.facts.agent, 1);
  }

  /** Undefined when it does not wait any more. */
  of({ place, id }: Asker): Held | undefined {
    const held = this.#held.get(place);
    return held?.id === id ? held : undefined;
  }

  /** Who waits in another way counts as well. */
  count(agent: string, by: number): void {
    this.#counts.set(agent, (this.#counts.get(agent) ?? 0) + by);
  }

  pid({ place }: Asker): number {
    return pidOf(this.#flight.at(place));
  }

  /** It was answered, whether it was held or not. */
  settle(held: Held): void {
    if (this.#held.delete(held.place)) this.count(held.facts.agent, -1);
    this.#flight.release(held.place);
  }

  isPaused(agent: string): boolean {
    return this.#paused.has(agent);
  }

  /** Whoever waits asks again, until `paused` is false: what waits in a call cannot be frozen. */
  pause(agent: string, paused: boolean): void {
    if (!paused) {
      this.#paused.delete(agent);
      return;
    }
    this.#paused.add(agent);
    for (const held of this.#held.values())
      if (held.facts.agent === agent) {
        refuse(held.facts.fd, held.id, ASK_AGAIN);
        this.#leave(held);
      }
  }

  /** Frees what was taken for those who were killed meanwhile. */
  look(): void {
    for (const held of this.#held.values()) if (!stillWaits(held.facts.fd, held.id)) this.#leave(held);
  }

  #leave(held: Held): void {
    this.#tell({ tell: 'left', place: held.place, id: held.id });
    this.settle(held);
  }
}

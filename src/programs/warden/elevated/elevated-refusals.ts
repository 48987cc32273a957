import { redactArgv } from '../../../policy/command/redact.ts';
import type { Record } from '../record.ts';

/** So many of one agent are on record one by one; what comes in the same minute is one finding and a number. */
const ONE_BY_ONE = 20;
const WINDOW_MS = 60_000;
const MOST_WORDS = 64;
const LONGEST_WORD = 256;

export interface ElevatedRefusal {
  readonly argv: readonly string[];
  readonly why: string;
  readonly via: string;
}

/** Writes down which commands were not run outside. An agent can call as often as it likes. */
export class ElevatedRefusals {
  readonly #record: Pick<Record, 'tell'>;
  readonly #finding: (agent: string, text: string) => void;
  readonly #counts = new Map<string, number>();

  constructor(record: Pick<Record, 'tell'>, finding: (agent: string, text: string) => void) {
    this.#record = record;
    this.#finding = finding;
  }

  refused(agent: string, { argv, why, via }: ElevatedRefusal): void {
    const count = (this.#counts.get(agent) ?? 0) + 1;
    if (count === 1) setTimeout(() => this.#over(agent), WINDOW_MS).unref();
    this.#counts.set(agent, count);
    if (count > ONE_BY_ONE + 1) return;
    if (count === ONE_BY_ONE + 1) {
      this.#record.tell({ event: 'elevated.flood', agent, why });
      this.#finding(
        agent,
        `${agent} calls for commands outside, more than ${ONE_BY_ONE} in a minute, and is refused: ${why}`,
      );
      return;
    }
    const words = redactArgv(argv.slice(0, MOST_WORDS)).map((word) => word.slice(0, LONGEST_WORD));
    this.#record.tell({ event: 'elevated.refused', agent, argv: words, why, via });
  }

  #over(agent: string): void {
    const count = this.#counts.get(agent) ?? 0;
    this.#counts.delete(agent);
    if (count > ONE_BY_ONE) this.#record.tell({ event: 'elevated.flood', agent, count });
  }
}

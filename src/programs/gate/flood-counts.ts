/** So long one line stands for all that is refused of one agent and program. What was counted is lost when the gate is killed. */
const COUNTED_MS = 5000;

interface Count {
  readonly agent: string;
  readonly path: string;
  readonly since: number;
  relayed: number;
  denied: number;
}

/** Execs that are refused because their agent asks more than people can answer: that is a finding, and the record has the first
 *  with all that it says, and of the rest how many there were. Times are milliseconds of any clock. */
export class FloodCounts {
  readonly #record: (entry: object) => void;
  readonly #counts = new Map<string, Count>();

  constructor(record: (entry: object) => void) {
    this.#record = record;
  }

  /** An exec was refused for it. @param path  of the program on the host
   *  @returns whether it is counted, and needs no record of its own */
  refused(agent: string, path: string, now: number): boolean {
    const count = this.#counts.get(`${agent} ${path}`);
    if (count) count.denied++;
    else this.#counts.set(`${agent} ${path}`, { agent, path, since: now, relayed: 0, denied: 0 });
    return count !== undefined;
  }

  /** A stub is about to ask for a program. @returns as above */
  relayed(agent: string, path: string): boolean {
    if (this.#counts.size === 0) return false;
    const count = this.#counts.get(`${agent} ${path}`);
    if (count) count.relayed++;
    return count !== undefined;
  }

  /** Writes down what is over. */
  look(now: number): void {
    for (const [key, { agent, path, since, relayed, denied }] of this.#counts) {
      if (now - since < COUNTED_MS) continue;
      this.#counts.delete(key);
      if (relayed + denied > 0)
        this.#record({ event: 'exec.flood', agent, path, relayed, denied, ms: Math.round(now - since) });
    }
  }
}

/** A refusal as the agent is told it: what was refused, which rule did it, and the line of fleet.yaml that would allow it (null
 *  where no line would). */
export interface Explanation {
  readonly denied: string;
  readonly rule: string;
  readonly ask: string | null;
}

export interface Denial extends Explanation {
  readonly time: string;
  /** How often in a row. */
  readonly count: number;
}

/** The last refusals of one agent, equal ones in a row counted together. */
export class Denials {
  readonly #most: number;
  readonly #list: Denial[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(explanation: Explanation, now: number): void {
    const last = this.#list.at(-1);
    const again = last !== undefined && last.denied === explanation.denied && last.rule === explanation.rule;
    if (again) this.#list.pop();
    this.#list.push({ ...explanation, time: new Date(now).toISOString(), count: again ? last.count + 1 : 1 });
    if (this.#list.length > this.#most) this.#list.shift();
  }

  /** Latest last. */
  list(): readonly Denial[] {
    return [...this.#list];
  }
}

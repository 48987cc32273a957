/** Evens out what comes in bursts (the generic cell rate algorithm, ITU-T I.371): up to one second's worth passes at once, the rest
 *  waits for its turn, so that one agent's flood leaves time for the others. */
export class Pace {
  readonly #step: number;
  /** When the next one would be due if all came evenly, in milliseconds. */
  #due = 0;

  constructor(perSecond: number) {
    this.#step = 1000 / perSecond;
  }

  /** Takes the next turn. @returns milliseconds to wait for it */
  turn(now: number): number {
    this.#due = Math.max(this.#due, now - 1000) + this.#step;
    return Math.max(0, this.#due - now);
  }
}

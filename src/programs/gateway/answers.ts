import { LIMITS } from './limits.ts';

/** Connections of one agent that are held until somebody answers. */
export class Answers {
  readonly #held = new Map<number, Set<(ended: string | undefined) => void>>();
  #count = 0;

  /** @param granted  whether the yes is there already
   *  @returns undefined when it is granted or the time is up, else how the question ended */
  wait(id: number, ms: number, granted: () => boolean): Promise<string | undefined> {
    if (granted() || this.#count >= LIMITS.held) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const held = this.#held.get(id) ?? new Set();
      this.#held.set(id, held);
      this.#count += 1;
      const done = (ended: string | undefined): void => {
        clearTimeout(late);
        if (!held.delete(done)) return;
        this.#count -= 1;
        if (held.size === 0) this.#held.delete(id);
        resolve(ended);
      };
      const late = setTimeout(() => done(undefined), ms);
      held.add(done);
    });
  }

  /** @param ended  undefined: granted */
  give(id: number, ended: string | undefined): void {
    for (const done of [...(this.#held.get(id) ?? [])]) done(ended);
  }
}

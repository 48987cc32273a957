import { LIMITS } from './limits.ts';

/** Connections of one agent that are held until somebody answers. */
export class Answers {
  readonly #held = new Map<number, Set<(ended: string | undefined) => void>>();
  /** Questions that ended lately with no yes. The end may come right behind the word that a person is asked, before anybody waits for it. */
  readonly #ended = new Map<number, string>();
  #count = 0;

  /** @param granted  whether the yes is there already
   *  @returns undefined when it is granted or the time is up, else how the question ended */
  wait(id: number, ms: number, granted: () => boolean): Promise<string | undefined> {
    const ended = granted() ? undefined : this.#ended.get(id);
    if (granted() || ended !== undefined || this.#count >= LIMITS.held) return Promise.resolve(ended);
    return new Promise((resolve) => {
      const held = this.#held.get(id) ?? new Set();
      this.#held.set(id, held);
      this.#count += 1;
      const done = (how: string | undefined): void => {
        clearTimeout(late);
        if (!held.delete(done)) return;
        this.#count -= 1;
        if (held.size === 0) this.#held.delete(id);
        resolve(how);
      };
      const late = setTimeout(() => done(undefined), ms);
      held.add(done);
    });
  }

  /** @param ended  undefined: granted */
  give(id: number, ended: string | undefined): void {
    for (const done of [...(this.#held.get(id) ?? [])]) done(ended);
    if (ended === undefined) return;
    this.#ended.set(id, ended);
    for (const oldest of this.#ended.keys()) if (this.#ended.size > LIMITS.held) this.#ended.delete(oldest);
  }
}

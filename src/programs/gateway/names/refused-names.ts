import type { Entry } from '../record/record.ts';

/** A resolver asks for a name's addresses of both kinds, and asks again at once when it is refused. No longer: what is only counted
 *  is lost with a gateway that is killed, and a drill waits for its record. */
const AGAIN_MS = 500;
const MOST = 256;
const MOST_TYPES = 16;

interface Repeats {
  readonly first: Entry;
  readonly timer: NodeJS.Timeout;
  readonly types: Set<number>;
  count: number;
}

/** Refused questions for the same name, for the same reason: the first is written before it is answered, and those of the next
 *  half second as one entry with their number (`count`) and what was asked for (`types`, up to sixteen, in place of `type`). */
export class RefusedNames {
  readonly #write: (entry: Entry, now: number, count: number) => Promise<void>;
  readonly #recent = new Map<string, Repeats>();

  /** @param write  must not reject */
  constructor(write: (entry: Entry, now: number, count: number) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when the question may be answered. */
  async add(name: string, type: number, why: string, now: number): Promise<void> {
    const key = JSON.stringify([name, why]);
    const before = this.#recent.get(key);
    if (before) {
      before.count += 1;
      if (before.types.size < MOST_TYPES) before.types.add(type);
      return;
    }
    const first = { event: 'dns.refused', name, why };
    if (this.#recent.size < MOST) {
      const timer = setTimeout(() => void this.#end(key), AGAIN_MS).unref();
      this.#recent.set(key, { first, timer, types: new Set(), count: 0 });
    }
    await this.#write({ ...first, type }, now, 1);
  }

  /** Writes what was counted so far. */
  async settle(): Promise<void> {
    await Promise.all([...this.#recent.keys()].map((key) => this.#end(key)));
  }

  async #end(key: string): Promise<void> {
    const repeats = this.#recent.get(key);
    if (!repeats) return;
    clearTimeout(repeats.timer);
    this.#recent.delete(key);
    const { first, types, count } = repeats;
    if (count > 0) await this.#write({ ...first, types: [...types].sort((a, b) => a - b) }, Date.now(), count);
  }
}

import type { Entry, Recorder } from './record.ts';

/** Entries that may be under way at once before who adds one waits. */
const MOST_UNDER_WAY = 256;

/** Entries about requests that carry no secret, on connections that are on record themselves: such a request does not wait for its entry, which
 *  the ledger has a few milliseconds later. Once it did not take one, each waits for its own again, until one was taken: with a ledger that
 *  takes nothing, nothing more goes out. */
export class Notes {
  readonly #recorder: Recorder;
  #underWay = 0;
  #refused = false;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** @throws when it could not be written, and then the request must not go out */
  async add(entry: Entry): Promise<void> {
    if (this.#refused || this.#underWay >= MOST_UNDER_WAY) {
      await this.#recorder.append([entry], 'accepted');
      this.#refused = false;
      return;
    }
    this.#underWay += 1;
    this.#recorder
      .appendSoon([entry])
      .catch(() => {
        this.#refused = true;
      })
      .finally(() => {
        this.#underWay -= 1;
      });
  }
}

const OF = new WeakMap<Recorder, Notes>();

export function notes(recorder: Recorder): Notes {
  const known = OF.get(recorder) ?? new Notes(recorder);
  OF.set(recorder, known);
  return known;
}

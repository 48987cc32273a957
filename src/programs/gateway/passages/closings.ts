import type { Entry, Recorder } from '../record/record.ts';

const MOST_HELD = 10_000;
const RETRY_MS = 1_000;

/** Writes the ends of an agent's connections, in order. What the ledger does not take is held and written when it does; past
 *  10,000 held ends the oldest become a `gap` with their number and bytes. */
export class Closings {
  readonly #recorder: Recorder;
  readonly #agent: string;
  #held: Entry[] = [];
  #lost = { count: 0, up: 0, down: 0 };
  #writing = false;

  constructor(recorder: Recorder, agent: string) {
    this.#recorder = recorder;
    this.#agent = agent;
  }

  add(entry: Entry): void {
    this.#held.push(entry);
    if (this.#held.length > MOST_HELD) {
      const oldest = this.#held.shift();
      this.#lost.count += 1;
      this.#lost.up += Number(oldest?.up ?? 0);
      this.#lost.down += Number(oldest?.down ?? 0);
    }
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#held.length > 0 || this.#lost.count > 0) {
      const batch = this.#held.splice(0, 256);
      const lost = this.#lost;
      this.#lost = { count: 0, up: 0, down: 0 };
      const gap: Entry[] = lost.count > 0 ? [{ event: 'gap', agent: this.#agent, of: 'egress.closed', ...lost }] : [];
      try {
        await this.#recorder.appendSoon([...gap, ...batch]);
      } catch {
        this.#held = [...batch, ...this.#held];
        this.#lost = {
          count: this.#lost.count + lost.count,
          up: this.#lost.up + lost.up,
          down: this.#lost.down + lost.down,
        };
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
    this.#writing = false;
  }
}

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const TOP: string = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
/** Peers and nothing else; git does not see it, and removing it only costs the next run a download. */
export const CACHE: string = join(TOP, 'node_modules/.cache/bench');

/** How much is measured. */
export interface Extent {
  /** Sizes that take many minutes too. */
  readonly long: boolean;
  /** Small counts: shows that everything runs, its figures are worth little. */
  readonly quick: boolean;
}

type Undo = () => unknown;

/** What one row stands on: everything made is noted with its undoing, and goes in reverse order, whatever happens. */
export class Ground {
  readonly extent: Extent;
  readonly #undo: Undo[] = [];

  constructor(extent: Extent) {
    this.extent = extent;
  }

  /** @returns the first number, or the second in a quick run */
  count(full: number, quick: number): number {
    return this.extent.quick ? quick : full;
  }

  keep(undo: Undo): void {
    this.#undo.push(undo);
  }

  say(text: string): void {
    process.stderr.write(`  ${text}\n`);
  }

  /** Takes all of it away; what fails is told and does not keep the rest. */
  async clear(): Promise<void> {
    for (let undo = this.#undo.pop(); undo; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        this.say(`could not be taken away: ${(error as Error).message}`);
      }
    }
  }
}

import { type FSWatcher, watch } from 'node:fs';

/** More events in a second than this are no person's doing. */
const FLOOD = 500;
/** Then we look this often by the clock, for so long, and listen again. */
const LOOK_MS = 25;
const DEAF_MS = 3000;

/** Tells of changes to some names in a folder (inotify(7)): within milliseconds, and at times without cause. Whoever shares the
 *  folder can cause events without end, each of which costs us time; in a flood we look by the clock instead. */
export class NameWatch {
  readonly #folder: string;
  readonly #names: ReadonlySet<string>;
  readonly #changed: () => void;
  readonly #failed: (error: Error) => void;
  #watcher: FSWatcher | undefined;
  #looking: NodeJS.Timeout | undefined;
  #events = 0;
  #since = 0;

  /** @throws when the folder is not there */
  constructor(folder: string, names: ReadonlySet<string>, changed: () => void, failed: (error: Error) => void) {
    this.#folder = folder;
    this.#names = names;
    this.#changed = changed;
    this.#failed = failed;
    this.#listen();
  }

  close(): void {
    this.#watcher?.close();
    clearInterval(this.#looking);
  }

  #listen(): void {
    this.#events = 0;
    this.#watcher = watch(this.#folder, { persistent: false }, (_, name) => {
      if (name === null || this.#names.has(name)) this.#changed();
      this.#count();
    });
    this.#watcher.on('error', this.#failed);
  }

  #count(): void {
    if (++this.#events < FLOOD) return;
    const now = performance.now();
    const flooded = now - this.#since < 1000;
    this.#since = now;
    this.#events = 0;
    if (flooded) this.#lookInstead();
  }

  #lookInstead(): void {
    this.#watcher?.close();
    clearInterval(this.#looking);
    const end = performance.now() + DEAF_MS;
    this.#looking = setInterval(() => {
      if (performance.now() > end) this.#listenAgain();
      this.#changed();
    }, LOOK_MS).unref();
  }

  #listenAgain(): void {
    clearInterval(this.#looking);
    try {
      this.#listen();
    } catch (error) {
      this.#failed(error as Error); // the folder is gone
    }
  }
}

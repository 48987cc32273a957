import { Failure } from '../../model/failure.ts';
import type { Connection } from '../../wire/serve.ts';
import type { Caller } from './requests.ts';
import type { Store } from './store.ts';

/** A follower that reads slower than the ledger grows is waited for, not buffered for. */
const MOST_BUFFERED = 1024 * 1024;

/** Sends every acknowledged entry from an index on, in order, to each follower as notices `{entry}`. */
export class Followers {
  readonly #store: Store;
  readonly #next = new Map<Connection<Caller>, number>();
  readonly #busy = new Set<Connection<Caller>>();
  readonly #onBug: (error: unknown) => void;

  constructor(store: Store, onBug: (error: unknown) => void) {
    this.#store = store;
    this.#onBug = onBug;
  }

  add(connection: Connection<Caller>, from: number): void {
    this.#next.set(connection, from);
    connection.socket.on('drain', () => this.#pump(connection));
    setImmediate(() => this.#pump(connection));
  }

  drop(connection: Connection<Caller>): void {
    this.#next.delete(connection);
  }

  /** More is acknowledged. */
  wake(): void {
    for (const connection of this.#next.keys()) this.#pump(connection);
  }

  all(): Iterable<Connection<Caller>> {
    return this.#next.keys();
  }

  #pump(connection: Connection<Caller>): void {
    if (this.#busy.has(connection)) return;
    this.#busy.add(connection);
    this.#send(connection)
      .catch((error: unknown) => {
        if (error instanceof Failure)
          connection.socket.destroy(); // what is to be sent next cannot be read
        else this.#onBug(error);
      })
      .finally(() => this.#busy.delete(connection));
  }

  async #send(connection: Connection<Caller>): Promise<void> {
    for (;;) {
      const from = this.#next.get(connection);
      if (from === undefined || from >= this.#store.size) return;
      for await (const { index, entry } of this.#store.forwards(from, this.#store.size, {})) {
        if (!this.#next.has(connection)) return;
        connection.notify({ entry });
        this.#next.set(connection, index + 1);
        if (connection.socket.writableLength > MOST_BUFFERED) return;
      }
    }
  }
}

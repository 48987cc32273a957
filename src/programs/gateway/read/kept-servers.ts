import type { Socket } from 'node:net';
import type { Address } from '../../../protocol/address.ts';
import type { Incoming } from './incoming.ts';
import type { Sessions } from './roots.ts';

const MOST = 16;
/** Servers of the common kinds end a silent connection after 5 s or more. */
const KEPT_MS = 4_000;

/** A connection to a server that has proved who it is, between two requests. */
export interface KeptServer {
  /** Encrypted. */
  readonly socket: Socket;
  readonly incoming: Incoming;
  /** What carries it. */
  readonly upstream: Socket;
  readonly address: Address;
  /** It was offered HTTP/2 and chose HTTP/1.1. */
  readonly declined: boolean;
  /** Equal for connections of which one may stand for another. */
  readonly where: string;
  /** The roots that it was verified under: another object once they are others. */
  readonly under: Sessions;
}

interface Standing {
  readonly server: KeptServer;
  /** No longer looks after it. */
  readonly release: () => void;
}

/** Connections of one agent to servers, kept for its next connection to the same destination. One on which anything comes unasked, or which ends,
 *  is gone. */
export class KeptServers {
  #standing: Standing[] = [];

  keep(server: KeptServer): void {
    if (!isQuiet(server)) return void server.upstream.destroy();
    const [oldest] = this.#standing;
    if (oldest && this.#standing.length >= MOST) this.#drop(oldest);
    const { socket } = server;
    const spoke = (): void => {
      if (!isQuiet(server)) this.#drop(standing);
    };
    const timer = setTimeout(() => this.#drop(standing), KEPT_MS);
    for (const event of EVENTS) socket.on(event, spoke);
    server.incoming.listen();
    const release = (): void => {
      clearTimeout(timer);
      for (const event of EVENTS) socket.off(event, spoke);
      this.#standing = this.#standing.filter((one) => one !== standing);
    };
    const standing = { server, release };
    this.#standing.push(standing);
  }

  /** @param declined  only one that does not want HTTP/2 */
  has(where: string, under: Sessions, declined: boolean): boolean {
    return this.#find(where, under, declined) !== undefined;
  }

  /** The latest, which is the caller's from now on. */
  take(where: string, under: Sessions): KeptServer | undefined {
    const found = this.#find(where, under, false);
    found?.release();
    return found?.server;
  }

  /** Ends all of them: they stand for what was allowed, and with which secrets, until now. */
  clear(): void {
    for (const one of this.#standing) this.#drop(one);
  }

  #find(where: string, under: Sessions, declined: boolean): Standing | undefined {
    return this.#standing.findLast(
      ({ server }) =>
        server.where === where && server.under === under && (server.declined || !declined) && isQuiet(server),
    );
  }

  #drop(standing: Standing): void {
    standing.release();
    standing.server.upstream.destroy();
  }
}

const EVENTS = ['data', 'end', 'close'];

/** Nothing came that nobody asked for. */
function isQuiet({ socket, upstream, incoming }: KeptServer): boolean {
  const stands = !socket.destroyed && !upstream.destroyed && socket.writable && !socket.readableEnded;
  return stands && incoming.isEmpty && socket.readableLength === 0;
}

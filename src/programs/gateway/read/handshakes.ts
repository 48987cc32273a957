import type { Socket } from 'node:net';
import { connect, TLSSocket } from 'node:tls';
import type { Destination } from '../../../policy/egress.ts';
import type { Door } from '../door.ts';
import { LIMITS } from '../limits.ts';

const HTTP1: readonly string[] = ['http/1.1'];

/** A client that does not end its handshake in time is gone.
 *  @param speaks  what is offered to the client, in our order */
export function terminated(
  { client, outside }: Door,
  { host }: Destination,
  speaks: readonly string[] = HTTP1,
): TLSSocket {
  const secureContext = outside.keys.authority.contextFor(host);
  const socket = new TLSSocket(client, { isServer: true, secureContext, ALPNProtocols: [...speaks] });
  const timer = setTimeout(() => socket.destroy(), LIMITS.headMs);
  const over = (): void => clearTimeout(timer);
  socket.once('secure', over).once('close', over);
  return socket;
}

/** Our connection to the server, once it has proved who it is. */
export function verified(
  { compartment, outside }: Door,
  { host, literal }: Destination,
  upstream: Socket,
  speaks: readonly string[] = HTTP1,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { context: secureContext, sessions } = outside.keys.roots;
    const kept = [compartment.name, host, upstream.remotePort, ...speaks].join(' ');
    const session = sessions.get(kept);
    const name = literal ? { host } : { host, servername: host };
    const socket = connect({
      socket: upstream,
      ...name,
      secureContext,
      ALPNProtocols: [...speaks],
      rejectUnauthorized: true,
      ...(session && { session }),
    });
    // Of a server that has proved who it is, under these roots, to this agent: the next handshake need not ask again (RFC 8446, 2.2).
    socket.on('session', (ticket) => socket.authorized && sessions.keep(kept, ticket));
    const timer = setTimeout(() => socket.destroy(new Error('no TLS in time')), LIMITS.dialMs);
    const failed = (error?: Error | boolean): void => {
      clearTimeout(timer);
      reject(error instanceof Error ? error : new Error('the server ended the connection'));
    };
    socket.once('error', failed).once('close', failed);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', failed).off('close', failed);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

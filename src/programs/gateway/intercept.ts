import type { Socket } from 'node:net';
import { connect, TLSSocket } from 'node:tls';
import { refusedAddress } from '../../policy/addresses.ts';
import type { Destination } from '../../policy/egress.ts';
import type { Address } from '../../protocol/address.ts';
import type { ClientHello } from '../../protocol/clienthello.ts';
import { readRequestHead } from '../../protocol/http1.ts';
import type { Explanation } from './denials.ts';
import { exchange } from './exchange.ts';
import { sayAndClose } from './first-bytes.ts';
import { nextHead } from './heads.ts';
import { refuseInHttp2, secured, serveHttp2 } from './http2.ts';
import { Incoming } from './incoming.ts';
import { refuseRequest } from './judging.ts';
import { LIMITS } from './limits.ts';
import { type Door, type Open, type Opened, openPassage } from './passage.ts';
import { sayInHttp } from './refuse.ts';

/** Both ends of a connection that is read, request by request. */
export interface Line {
  readonly door: Door;
  readonly destination: Destination;
  readonly client: Socket;
  readonly fromClient: Incoming;
  /** Below the server's TLS. */
  readonly upstream: Socket;
  /** Rejects when the server is not reached, or does not prove who it is. */
  readonly server: Promise<{ readonly socket: Socket; readonly incoming: Incoming }>;
}

export function isIntercepted({ compartment }: Door, destination: Destination): boolean {
  return compartment.reads(destination);
}

/** A connection on which secrets may go out. The client's TLS ends here, under a certificate of the fleet's own authority, and ours to the server
 *  begins: verified against this machine's roots, always. Each request is judged by itself. A client that offers HTTP/2 gets what the server took
 *  of its offer.
 *  @param hello  undefined: plain HTTP, which carries a secret to a pinned loopback address only */
export async function intercept(
  door: Door,
  destination: Destination,
  hello: ClientHello | undefined,
  open?: Open,
): Promise<void> {
  const opening = open ?? openPassage(door, destination, { read: true });
  const offered = (hello?.protocols ?? []).filter((one) => SPOKEN.includes(one));
  if (offered.includes('h2')) return interceptOffered(door, destination, offered, await opening);
  const encrypted = hello !== undefined;
  // The client's handshake goes on meanwhile: nothing leaves by it.
  const client = encrypted ? terminated(door, destination) : door.client;
  client.on('error', () => client.destroy());
  const fromClient = new Incoming(client);
  const opened = await opening;
  if (opened.kind !== 'open') {
    const status = { denied: 403, unreachable: 502, unrecorded: 503 }[opened.kind];
    return sayOnceAsked(client, fromClient, status, opened.explanation);
  }
  const { passage, upstream } = opened;
  passage.read = true;
  upstream.setTimeout(LIMITS.idleHttpMs, () => passage.end('idle'));
  const holds = door.compartment.bindings.some((one) => one.host === destination.host && one.port === destination.port);
  if (!encrypted && holds && !isPinnedLoopback(passage.terms.address)) {
    const why = 'a secret is bound to it, and plain HTTP would show it on the way';
    passage.abandon(why);
    return sayOnceAsked(client, fromClient, 403, await door.compartment.refuse(destination, door.via, why, Date.now()));
  }
  const server = encrypted ? verified(door, destination, upstream) : Promise.resolve(upstream);
  await carryHttp1(door, destination, client, fromClient, upstream, server);
}

const SPOKEN: readonly string[] = ['h2', 'http/1.1'];

/** What the client is offered is known only when the server has answered. */
async function interceptOffered(
  door: Door,
  destination: Destination,
  offered: readonly string[],
  opened: Opened,
): Promise<void> {
  if (opened.kind !== 'open') {
    const status = { denied: 403, unreachable: 502, unrecorded: 503 }[opened.kind];
    const client = terminated(door, destination, offered);
    client.on('error', () => client.destroy());
    if (await secured(client)) return refuseInHttp2(door, client, status, opened.explanation);
    return sayOnceAsked(client, new Incoming(client), status, opened.explanation);
  }
  const { passage, upstream } = opened;
  passage.read = true;
  upstream.setTimeout(LIMITS.idleHttpMs, () => passage.end('idle'));
  const server = verified(door, destination, upstream, offered);
  const [socket, why] = await server.then(
    (one) => [one, undefined] as const,
    (error: Error) => [undefined, error.message] as const,
  );
  const speaks = socket === undefined ? offered.at(-1) : socket.alpnProtocol || 'http/1.1';
  const client = terminated(door, destination, [speaks as string]);
  client.on('error', () => client.destroy());
  if (speaks !== 'h2') return carryHttp1(door, destination, client, new Incoming(client), upstream, server);
  if (client.destroyed) upstream.destroy();
  else client.once('close', () => upstream.destroy());
  if (socket !== undefined) return serveHttp2(door, destination, client, socket);
  const { explanation } = await refuseRequest(
    door,
    destination,
    502,
    `the server is not who it should be, or not there: ${why}`,
  );
  return refuseInHttp2(door, client, 502, explanation);
}

async function carryHttp1(
  door: Door,
  destination: Destination,
  client: Socket,
  fromClient: Incoming,
  upstream: Socket,
  server: Promise<Socket>,
): Promise<void> {
  const both = server.then((socket) => ({ socket, incoming: new Incoming(socket) }));
  both.catch(() => {}); // awaited with the first request
  if (client.destroyed) upstream.destroy();
  else client.once('close', () => upstream.destroy());
  const line: Line = { door, destination, client, fromClient, upstream, server: both };
  await serve(line);
  fromClient.leave();
  if (client.writable) sayAndClose(client, '');
  upstream.end();
}

/** One request after the other, each answered before the next is read. */
async function serve(line: Line): Promise<void> {
  for (;;) {
    const next = await nextHead(line.fromClient, readRequestHead);
    if (next.kind === 'none' || next.kind === 'cut') return; // the client left, or stays silent
    if (next.kind === 'bad') {
      const { compartment, via } = line.door;
      const explanation = await compartment.refuse(line.destination, via, `malformed request: ${next.why}`, Date.now());
      line.fromClient.leave();
      return sayInHttp(line.client, next.status, explanation);
    }
    if ((await exchange(line, next.head)) === 'over') return;
  }
}

/** What cannot be served is said in HTTP once there was a request: in TLS there are no words. */
async function sayOnceAsked(client: Socket, from: Incoming, status: number, explanation: Explanation): Promise<void> {
  const next = await nextHead(from, readRequestHead);
  from.leave();
  if (next.kind === 'none' || next.kind === 'cut') client.destroy();
  else sayInHttp(client, status, explanation);
}

const HTTP1: readonly string[] = ['http/1.1'];

/** @param speaks  what is offered to the client, in our order */
function terminated({ client, outside }: Door, { host }: Destination, speaks: readonly string[] = HTTP1): TLSSocket {
  const secureContext = outside.keys.authority.contextFor(host);
  return new TLSSocket(client, { isServer: true, secureContext, ALPNProtocols: [...speaks] });
}

function verified(
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

function isPinnedLoopback(address: string | undefined): boolean {
  return address !== undefined && refusedAddress(address as Address) === 'loopback';
}

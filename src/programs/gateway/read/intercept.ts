import type { Socket } from 'node:net';
import { refusedAddress } from '../../../policy/addresses.ts';
import type { Destination } from '../../../policy/egress.ts';
import { modelApiOf } from '../../../policy/refusal-body.ts';
import type { Address } from '../../../protocol/address.ts';
import type { ClientHello } from '../../../protocol/clienthello.ts';
import { type HeadResult, readRequestHead } from '../../../protocol/http1.ts';
import type { Door } from '../door.ts';
import { sayAndClose } from '../first-bytes.ts';
import { LIMITS } from '../limits.ts';
import { type Open, type Opened, openPassage } from '../passages/open-passage.ts';
import { sayInHttp } from '../refusals/refuse.ts';
import { exchange } from './exchange.ts';
import {
  dialled,
  dialledEnd,
  type FarEnd,
  forsake,
  isRepeatable,
  keptEnd,
  leave,
  mayHaveKept,
  READ,
  Unopened,
} from './far-end.ts';
import { terminated, verified } from './handshakes.ts';
import { nextHead } from './heads.ts';
import { refuseInHttp2, secured, serveHttp2 } from './http2.ts';
import { Incoming } from './incoming.ts';
import { refuseRequest } from './judging.ts';

/** Both ends of a connection that is read, request by request. */
export interface Line {
  readonly door: Door;
  readonly destination: Destination;
  readonly client: Socket;
  readonly fromClient: Incoming;
  /** Another takes its place if it stood already and turns out to have ended. */
  far: FarEnd;
  /** A request is under way. */
  busy: boolean;
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
  const offered = (hello?.protocols ?? []).filter((one) => SPOKEN.includes(one));
  const encrypted = hello !== undefined;
  const http2 = offered.includes('h2');
  const either = !http2 || offered.includes('http/1.1');
  if (encrypted && open === undefined && either && mayHaveKept(door, destination, http2))
    return interceptKept(door, destination);
  if (http2) return interceptOffered(door, destination, offered, await (open ?? openPassage(door, destination, READ)));
  const opening = open ?? openPassage(door, destination, READ);
  // The client's handshake goes on meanwhile: nothing leaves by it.
  const client = encrypted ? terminated(door, destination) : door.client;
  client.on('error', () => client.destroy());
  const fromClient = new Incoming(client);
  const opened = await opening;
  if (opened.kind !== 'open') return sayOnceAsked(client, fromClient, destination, new Unopened(opened));
  const { passage, upstream } = opened;
  passage.read = true;
  const holds = door.compartment.binds(destination);
  if (!encrypted && holds && !isPinnedLoopback(passage.terms.address)) {
    const why = 'a secret is bound to it, and plain HTTP would show it on the way';
    passage.abandon(why);
    const explanation = await door.compartment.refuse(destination, door.via, why, Date.now());
    return sayOnceAsked(client, fromClient, destination, new Unopened({ kind: 'denied', explanation }));
  }
  const server = encrypted ? verified(door, destination, upstream) : Promise.resolve(upstream);
  await carryHttp1(
    lineOf(door, destination, client, fromClient, dialledEnd(opened, server, door.outside.keys.roots.sessions)),
  );
}

/** An earlier connection of the agent has left one to this server. Whether it will do is known with the first request: of one that must not be sent
 *  twice it has to be sure that it is heard, so that goes out by a new one. */
async function interceptKept(door: Door, destination: Destination): Promise<void> {
  const client = terminated(door, destination);
  client.on('error', () => client.destroy());
  const fromClient = new Incoming(client);
  const first = await nextHead(fromClient, readRequestHead);
  if (first.kind === 'none' || first.kind === 'cut') {
    client.destroy();
    return door.compartment.unused(destination, door.via);
  }
  const far = first.kind === 'head' && isRepeatable(first.head) ? keptEnd(door, destination) : undefined;
  try {
    await carryHttp1(lineOf(door, destination, client, fromClient, far ?? (await dialled(door, destination))), first);
  } catch (error) {
    if (!(error instanceof Unopened)) throw error;
    fromClient.leave();
    sayInHttp(
      client,
      error.status,
      error.explanation,
      modelApiOf(destination.host, first.kind === 'head' ? first.head.target : ''),
    );
  }
}

function lineOf(door: Door, destination: Destination, client: Socket, fromClient: Incoming, far: FarEnd): Line {
  return { door, destination, client, fromClient, far, busy: false };
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
    const refused = new Unopened(opened);
    const client = terminated(door, destination, offered);
    client.on('error', () => client.destroy());
    if (await secured(client)) return refuseInHttp2(door, client, destination, refused.status, refused.explanation);
    return sayOnceAsked(client, new Incoming(client), destination, refused);
  }
  const { passage, upstream } = opened;
  passage.read = true;
  upstream.setTimeout(LIMITS.idleHttpMs, () => passage.end('idle'));
  const under = door.outside.keys.roots.sessions;
  const server = verified(door, destination, upstream, offered);
  const [socket, why] = await server.then(
    (one) => [one, undefined] as const,
    (error: Error) => [undefined, error.message] as const,
  );
  const speaks = socket === undefined ? offered.at(-1) : socket.alpnProtocol || 'http/1.1';
  const client = terminated(door, destination, [speaks as string]);
  client.on('error', () => client.destroy());
  if (speaks !== 'h2')
    return carryHttp1(lineOf(door, destination, client, new Incoming(client), dialledEnd(opened, server, under, true)));
  if (client.destroyed) upstream.destroy();
  else client.once('close', () => upstream.destroy());
  if (socket !== undefined) return serveHttp2(door, destination, client, socket);
  const { explanation } = await refuseRequest(
    door,
    destination,
    502,
    `the server is not who it should be, or not there: ${why}`,
  );
  return refuseInHttp2(door, client, destination, 502, explanation);
}

async function carryHttp1(line: Line, first?: First): Promise<void> {
  const { door, destination, client, fromClient } = line;
  const gone = (): void => {
    if (line.busy) line.far.upstream.destroy();
  };
  client.once('close', gone);
  const clean = await serve(line, first);
  fromClient.leave();
  if (client.writable) sayAndClose(client, '');
  if (clean) return leave(door, destination, line.far);
  if (client.destroyed) line.far.upstream.destroy();
  else forsake(line.far);
}

type First = Awaited<ReturnType<typeof nextHead<HeadResult>>>;

/** One request after the other, each answered before the next is read. @returns whether the server has answered all, and could be asked more */
async function serve(line: Line, first?: First): Promise<boolean> {
  let clean = false;
  for (let next = first ?? (await nextHead(line.fromClient, readRequestHead)); ; ) {
    if (next.kind === 'none' || next.kind === 'cut') return clean; // the client left, or stays silent
    if (next.kind === 'bad') {
      const { compartment, via } = line.door;
      const explanation = await compartment.refuse(line.destination, via, `malformed request: ${next.why}`, Date.now());
      line.fromClient.leave();
      sayInHttp(line.client, next.status, explanation);
      return false;
    }
    line.busy = true;
    if (line.client.destroyed) return false;
    const end = await exchange(line, next.head);
    line.busy = false;
    if (end !== 'again') return end === 'last';
    clean = true;
    next = await nextHead(line.fromClient, readRequestHead);
  }
}

/** What cannot be served is said in HTTP once there was a request: in TLS there are no words. */
async function sayOnceAsked(
  client: Socket,
  from: Incoming,
  { host }: Destination,
  { status, explanation }: Unopened,
): Promise<void> {
  const next = await nextHead(from, readRequestHead);
  from.leave();
  if (next.kind === 'none' || next.kind === 'cut') client.destroy();
  else sayInHttp(client, status, explanation, modelApiOf(host, next.kind === 'head' ? next.head.target : ''));
}

function isPinnedLoopback(address: string | undefined): boolean {
  return address !== undefined && refusedAddress(address as Address) === 'loopback';
}

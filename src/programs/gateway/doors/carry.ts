import type { Socket } from 'node:net';
import type { Destination } from '../../../policy/egress.ts';
import { type ClientHelloResult, looksLikeTls, readClientHello } from '../../../protocol/clienthello.ts';
import { looksLikeHttp } from '../../../protocol/http1.ts';
import type { Door } from '../door.ts';
import { type First, firstBytes } from '../first-bytes.ts';
import { LIMITS } from '../limits.ts';
import { isRead } from '../passages/is-read.ts';
import { join } from '../passages/join.ts';
import { type Open, type Opened, openPassage } from '../passages/open-passage.ts';
import { intercept } from '../read/intercept.ts';
import { sayInHttp, sayInTls } from '../refusals/refuse.ts';
import { serveRequest } from './plain-http.ts';
import { helloDisagrees, joinTls } from './tls.ts';

type Kind = ClientHelloResult | { readonly kind: 'http' } | { readonly kind: 'other' };

/** Carries an allowed connection once its first bytes agree with where it goes: a server name on TLS, the Host on HTTP. On 443
 *  it must be TLS, on 80 HTTP. On other ports a client that stays silent gets the server's first word, and only a server that
 *  speaks first makes the connection opaque: else the client's first bytes are judged whenever they come.
 *  @param open  already dialled (an explicit proxy must, before it answers) */
export async function carry(door: Door, destination: Destination, open?: Open): Promise<void> {
  const { client } = door;
  const { port } = destination;
  const read = isRead(door, destination);
  const patient = port === 443 || port === 80 || read;
  const silenceMs = patient ? LIMITS.headMs : LIMITS.silenceMs;
  const taken = read ? () => 0 : helloLength;
  const first = await firstBytes(client, (bytes) => recognised(bytes, port), silenceMs, taken);
  if (first.kind === 'silent' && !patient) return carrySilent(door, destination, open);
  return carryFirst(door, destination, first, open);
}

async function carryFirst(door: Door, destination: Destination, first: First<Kind>, open?: Open): Promise<void> {
  const { client } = door;
  if (first.kind !== 'read') {
    if (open) return open.passage.end('nothing was sent');
    client.destroy();
    return door.compartment.unused(destination, door.via);
  }
  const { value: kind, bytes } = first;
  const unread = kind.kind === 'other' && isRead(door, destination);
  const why = unread ? 'neither TLS nor HTTP where requests are read' : disagreement(kind, destination);
  if (why !== undefined) {
    open?.passage.abandon(why);
    const explanation = await door.compartment.refuse(destination, door.via, why, Date.now());
    if (kind.kind === 'http') sayInHttp(client, 403, explanation);
    else if (kind.kind === 'other') client.resetAndDestroy();
    else sayInTls(client);
    return;
  }
  if ((kind.kind === 'http' || kind.kind === 'hello') && isRead(door, destination))
    return intercept(door, destination, kind.kind === 'hello' ? kind : undefined, open);
  if (kind.kind === 'http') return serveRequest(door, destination, open);
  const opened = open ?? (await openUnread(door, destination));
  if (opened.kind === 'open') {
    if (kind.kind === 'hello') return joinTls(door, destination, opened, kind, bytes);
    join(client, opened.upstream, opened.passage);
  } else if (kind.kind === 'hello' && opened.kind !== 'unreachable') sayInTls(client);
  else client.resetAndDestroy();
}

/** Policy may have come to want it read while it was held. */
async function openUnread(door: Door, destination: Destination): Promise<Opened> {
  const opened = await openPassage(door, destination);
  if (opened.kind === 'open' && isRead(door, destination)) opened.passage.end('policy changed');
  return opened;
}

/** Whoever speaks first decides what this connection is. */
async function carrySilent(door: Door, destination: Destination, open?: Open): Promise<void> {
  const { client } = door;
  const opened = open ?? (await openUnread(door, destination));
  if (opened.kind !== 'open') {
    client.resetAndDestroy();
    return;
  }
  const { upstream, passage } = opened;
  upstream.setTimeout(LIMITS.idleMs, () => passage.end('idle'));
  if ((await firstToSpeak(client, upstream)) === upstream) return join(client, upstream, passage);
  const first = await firstBytes(client, (bytes) => recognised(bytes, destination.port), LIMITS.headMs, helloLength);
  return carryFirst(door, destination, first, opened);
}

/** A socket that ends or breaks counts as having spoken. */
function firstToSpeak(one: Socket, other: Socket): Promise<Socket> {
  return new Promise((resolve) => {
    const spoke = (socket: Socket): void => {
      for (const event of ['readable', 'close']) {
        one.off(event, oneSpoke);
        other.off(event, otherSpoke);
      }
      resolve(socket);
    };
    const oneSpoke = (): void => spoke(one);
    const otherSpoke = (): void => spoke(other);
    for (const event of ['readable', 'close']) {
      one.on(event, oneSpoke);
      other.on(event, otherSpoke);
    }
    if (one.destroyed || one.readableEnded) spoke(one);
    else if (other.destroyed || other.readableEnded) spoke(other);
  });
}

function recognised(bytes: Buffer, port: number): Kind | undefined {
  if (looksLikeTls(bytes)) {
    const hello = readClientHello(bytes);
    return hello.kind === 'more' ? undefined : hello;
  }
  const http = looksLikeHttp(bytes);
  if (http === 'yes') return { kind: 'http' };
  return http === 'no' || port === 443 ? { kind: 'other' } : undefined;
}

/** A ClientHello is passed on from what was shown. */
function helloLength(kind: Kind): number {
  return kind.kind === 'hello' ? kind.length : 0;
}

/** Why the first bytes may not go to that destination; undefined if they may. */
function disagreement(kind: Kind, destination: Destination): string | undefined {
  const { port } = destination;
  if (kind.kind === 'http') return port === 443 ? 'plain HTTP on port 443' : undefined;
  if (kind.kind !== 'other') return helloDisagrees(kind, destination);
  if (port === 443) return 'something other than TLS on port 443';
  return port === 80 ? 'something other than HTTP on port 80' : undefined;
}

import type { Socket } from 'node:net';
import type { Destination } from '../../policy/egress.ts';
import { type ClientHelloResult, looksLikeTls, readClientHello } from '../../protocol/clienthello.ts';
import { canonicalHost, hostText } from '../../protocol/host.ts';
import { looksLikeHttp } from '../../protocol/http1.ts';
import { type First, firstBytes } from './first-bytes.ts';
import { join } from './join.ts';
import { LIMITS } from './limits.ts';
import { type Door, type Open, openPassage } from './passage.ts';
import { serveRequest } from './plain-http.ts';
import { sayInHttp, sayInTls } from './refuse.ts';

type Kind = ClientHelloResult | { readonly kind: 'http' } | { readonly kind: 'other' };

/** Carries an allowed connection once its first bytes agree with where it goes: a server name on TLS, the Host on HTTP. On 443
 *  it must be TLS, on 80 HTTP. On other ports a client that stays silent gets the server's first word, and only a server that
 *  speaks first makes the connection opaque: else the client's first bytes are judged whenever they come.
 *  @param open  already dialled (an explicit proxy must, before it answers) */
export async function carry(door: Door, destination: Destination, open?: Open): Promise<void> {
  const { client } = door;
  const { port } = destination;
  const patient = port === 443 || port === 80;
  const silenceMs = patient ? LIMITS.headMs : LIMITS.silenceMs;
  const first = await firstBytes(client, (bytes) => recognised(bytes, port), silenceMs);
  if (first.kind === 'silent' && !patient) return carrySilent(door, destination, open);
  return carryFirst(door, destination, first, open);
}

async function carryFirst(door: Door, destination: Destination, first: First<Kind>, open?: Open): Promise<void> {
  const { client } = door;
  if (first.kind !== 'read') {
    if (open) open.passage.end('no first bytes');
    else client.destroy();
    return;
  }
  client.unshift(first.bytes);
  const kind = first.value;
  if (kind.kind === 'http' && destination.port !== 443) return serveRequest(door, destination, open);
  const why = kind.kind === 'http' ? 'plain HTTP on port 443' : disagreement(kind, destination);
  if (why !== undefined) {
    open?.passage.abandon(why);
    const explanation = await door.compartment.refuse(destination, door.via, why, Date.now());
    if (kind.kind === 'http') sayInHttp(client, 403, explanation);
    else if (kind.kind === 'hello') sayInTls(client);
    else client.resetAndDestroy();
    return;
  }
  const opened = open ?? (await openPassage(door, destination));
  if (opened.kind === 'open') join(client, opened.upstream, opened.passage);
  else if (kind.kind === 'hello' && opened.kind !== 'unreachable') sayInTls(client);
  else client.resetAndDestroy();
}

/** Whoever speaks first decides what this connection is. */
async function carrySilent(door: Door, destination: Destination, open?: Open): Promise<void> {
  const { client } = door;
  const opened = open ?? (await openPassage(door, destination));
  if (opened.kind !== 'open') {
    client.resetAndDestroy();
    return;
  }
  const { upstream, passage } = opened;
  if ((await firstToSpeak(client, upstream)) === upstream) return join(client, upstream, passage);
  const first = await firstBytes(client, (bytes) => recognised(bytes, destination.port));
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
    if (one.destroyed || other.destroyed) spoke(other);
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

/** Why the first bytes may not go to that destination; undefined if they may. */
function disagreement(kind: Exclude<Kind, { kind: 'http' }>, { host, port, literal }: Destination): string | undefined {
  if (kind.kind === 'more') return 'an incomplete ClientHello';
  if (kind.kind === 'bad') return kind.why;
  if (port === 80) return 'something other than HTTP on port 80';
  if (kind.kind === 'other') return port === 443 ? 'something other than TLS on port 443' : undefined;
  if (kind.encrypted) return 'the server name is encrypted (ECH), so it cannot be compared';
  if (kind.serverName === undefined) {
    return port === 443 && !literal ? `TLS without a server name, to ${host}` : undefined;
  }
  const named = hostText(canonicalHost(kind.serverName));
  return named === host ? undefined : `the server name ${JSON.stringify(kind.serverName.slice(0, 260))} is not ${host}`;
}

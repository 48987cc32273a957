import type { Socket } from 'node:net';
import { placeSecrets } from '../../../policy/credential.ts';
import type { Destination } from '../../../policy/egress.ts';
import { type BodyReader, ChunkedBody, FixedBody } from '../../../protocol/chunked.ts';
import {
  onlyHost,
  type RequestHead,
  readRequestHead,
  requestFraming,
  requestTarget,
  upstreamHead,
  withoutNamed,
} from '../../../protocol/http1.ts';
import { type Compartment, hostPort } from '../compartment.ts';
import { type Contain, contained } from '../contained.ts';
import type { Door } from '../door.ts';
import { consume, firstBytes, linger } from '../first-bytes.ts';
import { LIMITS } from '../limits.ts';
import { type Open, openPassage, UNOPENED } from '../passages/open-passage.ts';
import type { Passage } from '../passages/passage.ts';
import { sayInHttp } from '../refusals/refuse.ts';
import { isSameHost } from '../same-host.ts';

/** Reads a request head and leaves what follows it; one that is malformed is refused, recorded and answered.
 *  @param destination  what the refusal is recorded against */
export async function readHead(door: Door, destination: Destination): Promise<RequestHead | undefined> {
  const { client } = door;
  const first = await firstBytes(client, (bytes) => {
    const result = readRequestHead(bytes);
    return result.kind === 'more' ? undefined : result;
  });
  if (first.kind !== 'read') {
    client.destroy();
    return undefined;
  }
  const { value } = first;
  if (value.kind === 'head') {
    consume(client, value.length);
    return value.head;
  }
  const why = `malformed request: ${value.why}`;
  sayInHttp(client, value.status, await door.compartment.refuse(destination, door.via, why, Date.now()));
  return undefined;
}

/** One plain HTTP request to an allowed destination. Its target and its one Host must agree with the destination; it is written
 *  anew, with `connection: close`; nothing that follows it on the connection is forwarded. */
export async function serveRequest(door: Door, destination: Destination, open?: Open): Promise<void> {
  const head = await readHead(door, destination);
  if (head === undefined) open?.passage.abandon('no request');
  else await forwardRequest(door, destination, head, open);
}

export async function forwardRequest(
  door: Door,
  destination: Destination,
  head: RequestHead,
  open?: Open,
): Promise<void> {
  const { client, compartment } = door;
  const plan = planRequest(head, destination, compartment);
  if (typeof plan === 'string') {
    open?.passage.abandon(plan);
    const explanation = await compartment.refuse(destination, door.via, plan, Date.now());
    return sayInHttp(client, plan.startsWith('malformed') ? 400 : 403, explanation);
  }
  if (strayPlaceholder(door, head)) {
    const why = 'a placeholder stands in a request to where its secret is not bound to';
    open?.passage.abandon(why);
    compartment.misused(
      { host: destination.host, port: destination.port, method: head.method, why },
      door.outside.finding,
    );
    return sayInHttp(client, 403, await compartment.refuse(destination, door.via, why, Date.now()));
  }
  const opened = open ?? (await openPassage(door, destination, { method: head.method }));
  if (opened.kind !== 'open') return sayInHttp(client, UNOPENED[opened.kind], opened.explanation);
  const { upstream, passage } = opened;
  const withdrawn = planRequest(head, destination, compartment); // it may have been held
  if (typeof withdrawn === 'string') {
    passage.abandon(withdrawn);
    return sayInHttp(client, 403, await compartment.refuse(destination, door.via, withdrawn, Date.now()));
  }
  upstream.write(plan.head);
  sendBody(
    client,
    upstream,
    plan.body,
    passage,
    contained(compartment, destination, () => client.destroy()),
  );
  returnAnswer(client, upstream, passage);
}

/** In its head; a body that passes unread may have one, which is of no use to anybody. */
function strayPlaceholder({ compartment, outside }: Door, head: RequestHead): boolean {
  if (compartment.bindings.length === 0) return false;
  const all = outside.keys.credentials.all(compartment.name, compartment.bindings);
  return placeSecrets({ method: head.method, target: head.target, headers: head.headers }, [], all).kind === 'refused';
}

/** @returns what goes upstream, or why not */
function planRequest(
  head: RequestHead,
  destination: Destination,
  compartment: Compartment,
): { head: Buffer; body: BodyReader } | string {
  const target = requestTarget(head);
  const host = onlyHost(head);
  if (host === undefined) return 'malformed request: not exactly one Host';
  if (target.kind === 'bad') return `malformed request: ${target.why}`;
  if (target.kind === 'authority') return 'CONNECT to a server that is no proxy';
  if (!isSameHost(host, destination)) return `the Host is not ${hostPort(destination)}`;
  if (target.kind === 'absolute' && !isSameHost(target.authority, destination))
    return `the request target is not at ${hostPort(destination)}`;
  const framing = requestFraming(head);
  if (framing.kind === 'bad') return `malformed request: ${framing.why}`;
  const plain = withoutNamed(head);
  if (plain === undefined) return 'malformed request: Connection names a field that frames the message';
  const why = compartment.whyNot(destination, { ...plain, target: target.path });
  if (why !== undefined) return why;
  const upstream = upstreamHead(plain, target.path, hostPort(destination).replace(/:80$/, ''));
  if (upstream === undefined) return 'malformed request: Connection names a field that frames the message';
  const length = framing.kind === 'length' ? framing.length : 0;
  return { head: upstream, body: framing.kind === 'chunked' ? new ChunkedBody() : new FixedBody(length) };
}

/** Forwards exactly the body; what comes after it is read and dropped, so that a client that leaves is noticed. */
function sendBody(client: Socket, upstream: Socket, body: BodyReader, passage: Passage, contain: Contain): void {
  let done = false;
  const take = (chunk: Buffer): void => {
    if (done || !upstream.writable) return;
    try {
      const part = body.push(chunk);
      done = part.done;
      for (const piece of part.forward) upstream.write(piece);
    } catch (error) {
      passage.end(`malformed request: ${(error as Error).message}`);
      if (!(error instanceof RangeError)) throw error;
    }
    if (!done && upstream.writableNeedDrain) {
      client.pause();
      upstream.once('drain', () => client.resume());
    }
  };
  const ended = (): void => {
    if (!upstream.writable) return;
    if (done)
      upstream.end(); // as the server would see it without us
    else passage.end('the request was cut off');
  };
  take(Buffer.alloc(0)); // a body of no bytes is complete
  client.on('data', contain(take));
  if (client.readableEnded) ended();
  else client.once('end', ended);
  client.resume();
}

/** The answer passes as it is; its end ends both connections. */
function returnAnswer(client: Socket, upstream: Socket, passage: Passage): void {
  upstream.setTimeout(LIMITS.idleHttpMs, () => passage.end('idle'));
  upstream.once('end', () => upstream.end());
  upstream.once('close', () => {
    if (!upstream.readableEnded) client.resetAndDestroy();
  });
  client.once('finish', () => linger(client));
  client.once('close', () => upstream.destroy());
  upstream.pipe(client);
}

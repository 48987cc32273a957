import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Destination } from '../../../policy/egress.ts';
import { onlyReads } from '../../../policy/meter/breaker.ts';
import { listed, type RequestHead, requestFraming } from '../../../protocol/http1.ts';
import { hostPort } from '../compartment.ts';
import type { Door } from '../door.ts';
import { sayAndClose } from '../first-bytes.ts';
import { LIMITS } from '../limits.ts';
import { type Open, type Opened, openPassage, UNOPENED } from '../passages/open-passage.ts';
import { Passage } from '../passages/passage.ts';
import type { Explanation } from '../refusals/denials.ts';
import { verified } from './handshakes.ts';
import { Incoming } from './incoming.ts';
import type { Sessions } from './roots.ts';

/** The server's side of a connection that is read. */
export interface Reached {
  readonly socket: Socket;
  readonly incoming: Incoming;
}

export interface FarEnd {
  readonly passage: Passage;
  readonly upstream: Socket;
  /** Rejects when the server is not reached, or does not prove who it is; with `Unopened` when it is not to be asked. */
  readonly reached: Promise<Reached>;
  /** It stood already when the client came, so it may have ended without that being known yet. */
  kept: boolean;
  /** The roots that the server is verified under. */
  readonly under: Sessions;
  readonly declined: boolean;
  readonly idle: () => void;
}

/** What `openPassage` says instead of a connection. */
export class Unopened extends Error {
  readonly status: number;
  readonly explanation: Explanation;

  constructor({ kind, explanation }: Exclude<Opened, Open>) {
    super(explanation.rule);
    this.status = UNOPENED[kind];
    this.explanation = explanation;
  }
}

/** One that was just dialled. @param server  encrypted and verified, unless it is plain HTTP
 *  @param under  the roots when that began
 *  @param declined  it was offered HTTP/2 and chose HTTP/1.1 */
export function dialledEnd(
  { passage, upstream }: Open,
  server: Promise<Socket>,
  under: Sessions,
  declined: boolean = false,
): FarEnd {
  const reached = server.then((socket) => ({ socket, incoming: new Incoming(socket) }));
  return farEnd({ passage, upstream, reached, kept: false, under, declined });
}

/** What is on record of a connection that is read. */
export const READ = { read: true } as const;

/** A connection of its own, decided and on record as such.  @throws Unopened */
export async function dialled(door: Door, destination: Destination): Promise<FarEnd> {
  const opened = await openPassage(door, destination, READ);
  if (opened.kind !== 'open') throw new Unopened(opened);
  opened.passage.read = true;
  const under = door.outside.keys.roots.sessions;
  return dialledEnd(opened, verified(door, destination, opened.upstream), under);
}

/** Whether an earlier connection of this agent has left one. @param declined  one to a server that does not want HTTP/2 */
export function mayHaveKept(door: Door, destination: Destination, declined: boolean): boolean {
  const where = whereKept(door, destination);
  return where !== undefined && door.compartment.kept.has(where, door.outside.keys.roots.sessions, declined);
}

/** A connection that an earlier one of this agent has left: decided by the rules of this moment, and on record as any other before a request is sent. */
export function keptEnd(door: Door, destination: Destination): FarEnd | undefined {
  const { compartment, outside, via } = door;
  const verdict = compartment.judge(destination);
  const where = whereKept(door, destination);
  if (verdict.kind !== 'allow' || where === undefined) return undefined;
  const kept = compartment.kept.take(where, outside.keys.roots.sessions);
  if (kept === undefined) return undefined;
  const passage = new Passage(door, destination, verdict);
  passage.read = true;
  passage.takes(kept.upstream, kept.address);
  const { host, port } = destination;
  const { rule, address } = verdict;
  const entry = { event: 'egress.allowed', agent: compartment.name, host, port, via, rule, address };
  const reached = outside.recorder.append([{ ...entry, ...READ, kept: true }], 'accepted').then(
    () => {
      passage.recorded();
      return kept;
    },
    async () => {
      const why = 'the record cannot be written';
      passage.abandon(why);
      const explanation = await compartment.refuse(destination, via, why, Date.now());
      throw new Unopened({ kind: 'unrecorded', explanation });
    },
  );
  return farEnd({ passage, upstream: kept.upstream, reached, kept: true, under: kept.under, declined: kept.declined });
}

function farEnd(end: Omit<FarEnd, 'idle'>): FarEnd {
  end.reached.catch(() => {}); // awaited with the first request
  const idle = (): void => end.passage.end('idle');
  end.upstream.setTimeout(LIMITS.idleHttpMs, idle);
  return { ...end, idle };
}

/** The client has had its last answer, and all of it: the agent's next connection may have what it leaves. */
export async function leave(door: Door, destination: Destination, far: FarEnd): Promise<void> {
  const { passage, upstream, under, declined, idle } = far;
  const { socket, incoming } = await far.reached;
  const where = whereKept(door, destination);
  const { address } = passage;
  const verified = socket instanceof TLSSocket && socket.authorized && under === door.outside.keys.roots.sessions;
  if (where === undefined || address === undefined || !verified || !passage.open) return forsake(far);
  upstream.setTimeout(0, idle);
  passage.leaves();
  door.compartment.kept.keep({ socket, incoming, upstream, address, declined, where, under });
}

/** It ends. What the server still says is read and dropped for a moment: unread, it would keep the connection from ever ending. */
export function forsake({ reached, upstream }: FarEnd): void {
  reached.then(
    ({ socket, incoming }) => {
      incoming.leave();
      socket.once('close', () => upstream.destroy());
      sayAndClose(socket, '');
      if (socket.destroyed) upstream.destroy();
    },
    () => upstream.destroy(), // it was not reached
  );
}

/** Whether a request may be sent a second time where nothing was heard of the first (RFC 9110, 9.2.2). */
export function isRepeatable(head: RequestHead): boolean {
  return (
    onlyReads(head.method) && requestFraming(head).kind === 'none' && !listed(head, 'connection').includes('upgrade')
  );
}

/** Connections that are to be kept are those to where a secret is bound. What a person approved stands for one connection, and is not. */
function whereKept({ compartment }: Door, destination: Destination): string | undefined {
  if (!compartment.binds(destination)) return undefined;
  const verdict = compartment.judge(destination);
  return verdict.kind === 'allow' ? `${hostPort(destination)} ${verdict.address ?? ''}` : undefined;
}

import { chmodSync, closeSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Failure, failureDocument } from '../model/failure.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { sendDescriptors } from './handover.ts';
import { descriptorOf, type Peer, peerOf } from './peer.ts';

/** One connected caller. `caller` is decided from the kernel's word before the first byte is read, and holds for as long as `who` says the
 *  same: whoever is an operator no more is answered nothing and told nothing, however long it has been connected. */
export interface Connection<Caller extends string> {
  readonly peer: Peer;
  readonly caller: Caller;
  readonly socket: Socket;
  notify(frame: object): void;
}

export interface Request<Caller extends string> {
  readonly from: readonly Caller[];
  readonly answer: (body: Readonly<Record<string, unknown>>, connection: Connection<Caller>) => unknown;
}

/** An answer that brings descriptors: they follow the reply on the same connection (`receiveDescriptors`), and are closed here. */
export class WithDescriptors {
  readonly ok: object;
  readonly descriptors: readonly number[];

  constructor(ok: object, descriptors: readonly number[]) {
    this.ok = ok;
    this.descriptors = descriptors;
  }
}

export interface Service<Caller extends string> {
  readonly path: string;
  /** Permission bits of the socket file. */
  readonly mode: number;
  /** Undefined: nobody we know; the connection is closed without a word. Asked again for each request and each notice. */
  readonly who: (peer: Peer) => Caller | undefined;
  readonly requests: Readonly<Record<string, Request<Caller>>>;
  readonly onClose?: (connection: Connection<Caller>) => void;
  /** Something that is not a Failure: a bug. The caller gets `internal`, the program decides whether to go on. */
  readonly onBug: (error: unknown) => void;
  readonly longestFrame?: number;
}

/** Serves a closed table of requests on a Unix socket. A stale socket file is replaced. */
export function serve<Caller extends string>(service: Service<Caller>): Promise<Server> {
  rmSync(service.path, { force: true });
  const server = createServer((socket) => attend(service, socket));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(0o177);
    server.listen(service.path, () => {
      chmodSync(service.path, service.mode);
      resolve(server);
    });
    process.umask(before);
  });
}

function attend<Caller extends string>(service: Service<Caller>, socket: Socket): void {
  const peer = peerOf(socket);
  const caller = service.who(peer);
  if (caller === undefined) {
    socket.destroy();
    return;
  }
  const connection: Connection<Caller> = {
    peer,
    caller,
    socket,
    notify: (frame) => {
      if (service.who(peer) !== caller) socket.destroy();
      else if (socket.writable) socket.write(encodeFrame(frame));
    },
  };
  const reader = new FrameReader(service.longestFrame);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => service.onClose?.(connection));
  socket.on('data', (chunk: Buffer) => {
    let frames: unknown[];
    try {
      frames = reader.push(chunk);
    } catch {
      socket.destroy(); // foreign bytes that are no frames: nothing to answer
      return;
    }
    for (const frame of frames) void reply(service, connection, frame);
  });
}

async function reply<Caller extends string>(
  service: Service<Caller>,
  connection: Connection<Caller>,
  frame: unknown,
): Promise<void> {
  if (service.who(connection.peer) !== connection.caller) {
    connection.socket.destroy();
    return;
  }
  const body = (typeof frame === 'object' && frame !== null ? frame : {}) as Record<string, unknown>;
  const id = body.id;
  try {
    const answer = await judge(service, connection, body);
    if (answer instanceof WithDescriptors) handOver(connection, id, answer);
    else connection.notify({ id, ok: answer ?? null });
  } catch (error) {
    if (error instanceof Failure) {
      connection.notify({ id, error: { ...failureDocument(error), exit: error.exit } });
      return;
    }
    service.onBug(error);
    connection.notify({
      id,
      error: { code: 'internal', message: 'the request failed inside', hint: 'See: bulkhead logs warden' },
    });
  }
}

function handOver<Caller extends string>(connection: Connection<Caller>, id: unknown, answer: WithDescriptors): void {
  try {
    connection.notify({ id, ok: answer.ok });
    if (connection.socket.writableLength > 0)
      throw new Error('the reply could not be written at once, so nothing can follow it');
    sendDescriptors(descriptorOf(connection.socket), answer.descriptors);
  } finally {
    for (const fd of answer.descriptors) closeSync(fd);
  }
}

async function judge<Caller extends string>(
  service: Service<Caller>,
  connection: Connection<Caller>,
  body: Record<string, unknown>,
): Promise<unknown> {
  const name = typeof body.do === 'string' ? body.do : '';
  const request = Object.hasOwn(service.requests, name) ? service.requests[name] : undefined;
  if (request === undefined)
    throw new Failure(
      'unknown-request',
      `there is no request ${JSON.stringify(name)}`,
      'The programs may be of different versions; run bulkhead up again.',
      2,
    );
  if (!request.from.includes(connection.caller))
    throw new Failure(
      'not-permitted',
      `${connection.caller} may not ask for ${name}`,
      'An operator listed in fleet.yaml, or root, may.',
      1,
    );
  return request.answer(body, connection);
}

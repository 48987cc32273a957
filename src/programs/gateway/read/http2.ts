import {
  type ClientHttp2Session,
  connect,
  type Http2Session,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type SessionOptions,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Destination } from '../../../policy/egress.ts';
import { modelApiOf } from '../../../policy/refusal-body.ts';
import { contained } from '../contained.ts';
import type { Door } from '../door.ts';
import { LIMITS } from '../limits.ts';
import type { Explanation } from '../refusals/denials.ts';
import { refuseStream } from './stream-refusal.ts';
import { carryStream, type Streams } from './streams.ts';

/** What both ends may do to us (RFC 9113, 10.5). */
const BOUNDS = {
  /** Pairs of one field section, and its size, decoded: what HPACK may expand to. */
  maxHeaderListPairs: 128,
  /** MB; frames that wait to be sent, the answers to pings and settings among them. */
  maxSessionMemory: 8,
  maxOutstandingPings: 4,
  maxSettings: 16,
  maxSessionInvalidFrames: 64,
  maxSessionRejectedStreams: 64,
  settings: {
    enablePush: false,
    maxHeaderListSize: 32 * 1024,
    headerTableSize: 4096,
    /** What a stream may send before it is taken. */
    initialWindowSize: 256 * 1024,
  },
} as const;

/** Streams that an end may reset at once, and for each second after (CVE-2023-44487). */
const RESETS = { streamResetBurst: 200, streamResetRate: 20 } as const;
const MOST_STREAMS = 100;
/** What all streams of a connection may send before it is taken. */
const WINDOW = 1 << 20;

/** Carries HTTP/2 between two connections, each stream judged by itself. Resolves when either is over. */
export async function serveHttp2(
  door: Door,
  destination: Destination,
  client: TLSSocket,
  server: TLSSocket,
): Promise<void> {
  if (!(await secured(client))) return void client.destroy();
  // Each request says its own :authority. This one is of no use, and a name that policy knows may be none to a URL.
  const far = connect('https://server.invalid', { ...BOUNDS, createConnection: () => server });
  const near = accepted(client);
  for (const socket of [client, server]) socket.once('end', () => socket.destroy()); // they may be half open, sessions not
  const streams: Streams = { door, destination, far };
  const contain = contained(door.compartment, destination, () => near.destroy());
  near.on(
    'stream',
    contain((stream, _headers, flags, raw) =>
      carryStream(streams, stream, raw as unknown as string[], (flags & END_STREAM) !== 0),
    ),
  );
  far.on('stream', (stream) => stream.destroy()); // pushed, though it was told not to
  far.on(
    'goaway',
    contain(() => near.close()),
  );
  await Promise.race([kept(near), kept(far)]);
  for (const one of [near, far]) if (!one.destroyed) one.destroy();
}

const END_STREAM = 1;

/** Every stream gets the same refusal. */
export async function refuseInHttp2(
  door: Door,
  client: TLSSocket,
  { host }: Destination,
  status: number,
  explanation: Explanation,
): Promise<void> {
  if (!(await secured(client))) return void client.destroy();
  const near = accepted(client);
  const contain = contained(door.compartment, undefined, () => near.destroy());
  near.on(
    'stream',
    contain((stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      refuseStream(stream, status, explanation, modelApiOf(host, headers[':path'] ?? ''));
      near.close();
    }),
  );
  await kept(near);
}

/** @returns false: the client left, or could not agree */
export function secured(client: TLSSocket): Promise<boolean> {
  return new Promise((resolve) => {
    if (client.destroyed || client.alpnProtocol !== null) resolve(!client.destroyed && client.alpnProtocol === 'h2');
    client.once('secure', () => resolve(client.alpnProtocol === 'h2')).once('close', () => resolve(false));
  });
}

function accepted(client: TLSSocket): ServerHttp2Session {
  const { settings } = BOUNDS;
  const options: SessionOptions = {
    ...BOUNDS,
    ...RESETS,
    settings: { ...settings, maxConcurrentStreams: MOST_STREAMS },
  };
  const session = performServerHandshake(client, options);
  client.emit('secureConnect'); // which only TLSSockets of clients emit by themselves, and the session waits for
  session.setLocalWindowSize(WINDOW);
  return session;
}

/** Until it is over, however it ends. */
function kept(session: ServerHttp2Session | ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    (session as Http2Session).setTimeout(LIMITS.idleHttpMs, () => session.destroy());
    session.on('error', () => session.destroy());
    session.on('close', () => resolve());
    if (session.destroyed) resolve();
  });
}

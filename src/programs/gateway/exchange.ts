import type { Socket } from 'node:net';
import type { RuledRequest } from '../../policy/request-rules.ts';
import {
  type Framing,
  type Header,
  listed,
  onlyHost,
  type RequestHead,
  requestFraming,
  requestTarget,
  upstreamHead,
  withoutNamed,
} from '../../protocol/http1.ts';
import { asksForWebSocket } from '../../protocol/websocket.ts';
import { passAnswer, type Sending } from './answer.ts';
import { BodyFailure, passBody } from './bodies.ts';
import { hostPort } from './compartment.ts';
import { HeldBody } from './held-bodies.ts';
import { give } from './incoming.ts';
import type { Line } from './intercept.ts';
import { type Go, judgeRequest, MISPLACED, type Refused, refuseRequest } from './judging.ts';
import { sayInHttp } from './refuse.ts';
import { isSameHost } from './same-host.ts';
import { relay } from './websocket.ts';
import { wholeBody } from './whole-body.ts';

/** One request and its answer. @returns `over`: nothing more is read on this connection */
export async function exchange(line: Line, head: RequestHead): Promise<'again' | 'over'> {
  const held = new HeldBody(line.door.compartment.heldBodies);
  try {
    return await exchanged(line, head, held);
  } finally {
    held.release();
  }
}

async function exchanged(line: Line, head: RequestHead, held: HeldBody): Promise<'again' | 'over'> {
  const { door, destination, client } = line;
  const say = ({ status, explanation }: Refused): 'over' => {
    line.fromClient.leave();
    sayInHttp(client, status, explanation);
    return 'over';
  };
  const refuse = async (status: number, why: string): Promise<'over'> =>
    say(await refuseRequest(door, destination, status, why));
  const shape = framed(head, line);
  if (typeof shape === 'string') return refuse(shape.startsWith('the Host') ? 403 : 400, shape);
  const { webSocket } = shape;
  const plain = withoutNamed(head);
  if (plain === undefined) return refuse(400, 'malformed request: Connection names a field that frames the message');
  const body = await wholeBody(line, plain, shape.framing, held);
  if (typeof body === 'string') return refuse(400, body);
  const request = { ...plain, ...bodyLength(shape.framing), target: shape.target, ...(body && { body }) };
  const judged = await judgeRequest(door, destination, request);
  if (judged.kind === 'refused') return say(judged);
  const host = hostPort(destination).replace(/:(?:443|80)$/, '');
  const headers = webSocket ? judged.headers.filter(([name]) => name !== EXTENSIONS) : judged.headers;
  const asked = upstreamHead({ ...plain, headers }, judged.target, host, true, hopOf(head, webSocket !== undefined));
  if (asked === undefined) return refuse(400, 'malformed request: Connection names a field that frames the message');
  const { call } = judged;
  let server: Awaited<Line['server']>;
  try {
    server = await line.server;
  } catch (error) {
    return refuse(502, `the server is not who it should be, or not there: ${(error as Error).message}`);
  }
  let broken: string | undefined;
  const sending: Sending = { done: false, continued: !listed(plain, 'expect').includes('100-continue') };
  const sent = send(line, server.socket, asked, shape.framing, judged)
    .then(() => {
      sending.done = true;
    })
    .catch((error: Error) => {
      broken = error.message;
      server.socket.destroy(); // it has only a part, and must not take that for the whole
    });
  const told = { begun: false };
  try {
    const expected = { method: head.method, last: listed(head, 'connection').includes('close'), webSocket, call };
    const next = await passAnswer(server.incoming, client, expected, judged.reflected, sending, told);
    if (next === 'switched') {
      await relayed(line, server, judged, request);
      return 'over';
    }
    if (sending.continued) await sent; // who waits for a 100 that did not come sends nothing more
    if (broken === undefined) return next;
  } catch (error) {
    broken ??= (error as Error).message;
  } finally {
    call.end();
  }
  if (call.stopped && !told.begun)
    return say(await refuseRequest(door, destination, 403, call.stopped.why, call.stopped.ask));
  if (broken === MISPLACED && !call.stopped) judged.misplaced();
  if (!told.begun) return refuse(broken === MISPLACED ? 403 : 502, broken);
  client.destroy(); // it has only a part, and must not take that for the whole
  return 'over';
}

/** What it began as is kept as long as it stands: policy ends it when that is no longer granted. */
async function relayed(
  line: Line,
  server: Awaited<Line['server']>,
  judged: Go,
  { method, target, headers }: RuledRequest,
): Promise<void> {
  const { client, compartment } = line.door;
  compartment.webSockets.set(client, { destination: line.destination, request: { method, target, headers } });
  try {
    await relay(line, server, judged);
  } finally {
    compartment.webSockets.delete(client);
  }
}

const EXTENSIONS = 'sec-websocket-extensions';

/** What is said to the server about this connection. Trailers pass, so a client that takes them may say so. */
function hopOf(head: RequestHead, webSocket: boolean): Header[] {
  const hop: [string, string][] = [];
  if (listed(head, 'te').includes('trailers')) hop.push(['te', 'trailers']);
  if (webSocket) hop.push(['upgrade', 'websocket']);
  return hop.length === 0 ? hop : [...hop, ['connection', hop.map(([name]) => name).join(', ')]];
}

async function send(line: Line, to: Socket, head: Buffer, framing: Framing, judged: Go): Promise<void> {
  const scrubber = judged.call.outgoing(judged.stray);
  if (judged.body) {
    const body = Buffer.concat([scrubber.push(judged.body), scrubber.end()]);
    if (scrubber.found > 0) throw new BodyFailure(MISPLACED);
    return give(to, Buffer.concat([head, body]));
  }
  await give(to, head);
  const trailers = (came: readonly Header[]): readonly Header[] => {
    if (judged.strayIn(came)) throw new BodyFailure(MISPLACED);
    return came;
  };
  await passBody(line.fromClient, framing, to, { scrubber, stop: MISPLACED, trailers });
}

interface Shape {
  readonly target: string;
  readonly framing: Framing;
  /** What the server must prove that it understood. */
  readonly webSocket: string | undefined;
}

/** @returns why it cannot be served */
function framed(head: RequestHead, { destination }: Line): Shape | string {
  const target = requestTarget(head);
  const host = onlyHost(head);
  if (head.version === '1.0') return 'malformed request: HTTP/1.0 where requests are read';
  if (host === undefined) return 'malformed request: not exactly one Host';
  if (target.kind !== 'origin') return 'malformed request: the target is not a path';
  if (!isSameHost(host, destination)) return `the Host is not ${hostPort(destination)}`;
  const framing = requestFraming(head);
  if (framing.kind === 'bad') return `malformed request: ${framing.why}`;
  const switching = asksForWebSocket(head);
  if (switching === 'bad') return 'malformed request: not the handshake of a WebSocket of version 13';
  return { target: target.path, framing, webSocket: switching?.accept };
}

function bodyLength(framing: Framing): { length?: number } {
  if (framing.kind === 'none') return { length: 0 };
  return framing.kind === 'length' ? { length: framing.length } : {};
}

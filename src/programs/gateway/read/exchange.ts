import type { Socket } from 'node:net';
import { modelApiOf } from '../../../policy/refusal-body.ts';
import type { RuledRequest } from '../../../policy/request-rules.ts';
import { parseAuthority } from '../../../protocol/host.ts';
import {
  type Framing,
  type Header,
  listed,
  type RequestHead,
  requestFraming,
  requestTarget,
  upstreamHead,
  valuesOf,
  withoutNamed,
} from '../../../protocol/http1.ts';
import { asksForWebSocket } from '../../../protocol/websocket.ts';
import { hostPort } from '../compartment.ts';
import { sayAndClose } from '../first-bytes.ts';
import { httpText, sayInHttp } from '../refusals/refuse.ts';
import { isSameHost } from '../same-host.ts';
import { type Answered, type Next, passAnswer, type Sending } from './answer.ts';
import { BodyFailure, passBody } from './bodies.ts';
import { dialled, type Reached, Unopened } from './far-end.ts';
import { HeldBody } from './held-bodies.ts';
import { give } from './incoming.ts';
import type { Line } from './intercept.ts';
import { type Go, judgeRequest, MISPLACED, type Refused, refuseRequest } from './judging.ts';
import { relay } from './websocket.ts';
import { wholeBody } from './whole-body.ts';

/** One request and its answer. */
export async function exchange(line: Line, head: RequestHead): Promise<Next> {
  const held = new HeldBody(line.door.compartment.heldBodies);
  try {
    return await exchanged(line, head, held);
  } finally {
    held.release();
  }
}

async function exchanged(line: Line, head: RequestHead, held: HeldBody): Promise<Next> {
  const { door, destination, client } = line;
  const say = ({ status, explanation }: Refused): 'over' => {
    line.fromClient.leave();
    sayInHttp(client, status, explanation, modelApiOf(destination.host, head.target));
    return 'over';
  };
  const refuse = async (status: number, why: string): Promise<'over'> =>
    say(await refuseRequest(door, destination, status, why));
  const shape = framed(head, line);
  if (typeof shape === 'string') return refuse(shape.startsWith('the Host') ? 403 : 400, shape);
  const { webSocket } = shape;
  const plain = withoutNamed(head);
  if (plain === undefined) return refuse(400, 'malformed request: Connection names a field that frames the message');
  const { framing } = shape;
  const body = framing.kind === 'none' ? undefined : await wholeBody(line, plain, framing, held);
  if (typeof body === 'string') return refuse(400, body);
  const { method, headers: fields } = plain;
  const request = { method, target: shape.target, headers: fields, ...bodyLength(framing), ...(body && { body }) };
  const judged = await judgeRequest(door, destination, request);
  if (judged.kind === 'refused') return say(judged);
  if (judged.kind === 'answered') {
    line.fromClient.leave();
    sayAndClose(client, httpText(judged.status, judged.type, judged.body));
    return 'over';
  }
  const host = hostPort(destination);
  const headers = webSocket ? judged.headers.filter(([name]) => name !== EXTENSIONS) : judged.headers;
  const asked = upstreamHead(
    { ...plain, headers },
    judged.target,
    withoutUsualPort(host),
    true,
    hopOf(head, webSocket !== undefined),
  );
  if (asked === undefined) return refuse(400, 'malformed request: Connection names a field that frames the message');
  const { call } = judged;
  const expected = { method: head.method, last: listed(head, 'connection').includes('close'), webSocket, call };
  const told = { begun: false };
  const asking = { asked, head: plain, framing, judged, expected, told };
  let next: Next | 'switched' | Error;
  try {
    next = await attempt(line, await line.far.reached, asking);
    if (next instanceof Error && line.far.kept && !told.begun && !client.destroyed) {
      // It had ended, it seems. What a kept one is asked first is only what may be asked twice.
      line.far.passage.abandon('the server had ended it');
      line.far = await dialled(door, destination);
      next = await attempt(line, await line.far.reached, asking);
    }
  } catch (error) {
    if (error instanceof Unopened)
      return say({ kind: 'refused', status: error.status, explanation: error.explanation });
    return refuse(502, `the server is not who it should be, or not there: ${(error as Error).message}`);
  }
  line.far.kept = false; // it is this client's from now on
  if (next === 'switched') await relayed(line, await line.far.reached, judged, request);
  call.end();
  if (typeof next === 'string') return next === 'switched' ? 'over' : next;
  const broken = next.message;
  if (call.stopped && !told.begun)
    return say(await refuseRequest(door, destination, call.stopped.status, call.stopped.why, call.stopped.ask));
  if (broken === MISPLACED && !call.stopped) judged.misplaced();
  if (!told.begun) return refuse(broken === MISPLACED ? 403 : 502, broken);
  client.destroy(); // it has only a part, and must not take that for the whole
  return 'over';
}

/** What it began as is kept as long as it stands: policy ends it when that is no longer granted. */
async function relayed(
  line: Line,
  server: Reached,
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

interface Asking {
  readonly asked: Buffer;
  readonly head: RequestHead;
  readonly framing: Framing;
  readonly judged: Go;
  readonly expected: Answered;
  readonly told: { begun: boolean };
}

/** Sends it, and passes the answer on. @returns an Error: what broke it */
async function attempt(line: Line, server: Reached, asking: Asking): Promise<Next | 'switched' | Error> {
  const { asked, head, framing, judged, expected, told } = asking;
  let broken: Error | undefined;
  const sending: Sending = { done: false, continued: !listed(head, 'expect').includes('100-continue') };
  const failed = (error: Error): void => {
    broken = error;
    server.socket.destroy(); // it has only a part, and must not take that for the whole
  };
  const whole = (): void => {
    sending.done = true;
  };
  let sent: Promise<void> | undefined;
  try {
    const bare = framing.kind === 'none' && judged.body === undefined;
    sent = bare ? give(server.socket, asked) : send(line, server.socket, asked, framing, judged);
    sent = sent?.then(whole, failed);
    if (sent === undefined) whole();
  } catch (error) {
    failed(error as Error);
  }
  try {
    const next = await passAnswer(server.incoming, line.client, expected, judged.reflected, sending, told);
    if (next !== 'switched' && sending.continued) await sent; // who waits for a 100 that did not come sends nothing more
    return next === 'switched' ? next : (broken ?? next);
  } catch (error) {
    return broken ?? (error as Error);
  }
}

function withoutUsualPort(host: string): string {
  if (host.endsWith(':443')) return host.slice(0, -4);
  return host.endsWith(':80') ? host.slice(0, -3) : host;
}

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
  const trailers = (came: readonly Header[]): readonly Header[] => {
    if (judged.strayIn(came)) throw new BodyFailure(MISPLACED);
    return came;
  };
  await passBody(line.fromClient, framing, to, { head, scrubber, stop: MISPLACED, trailers });
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
  const hosts = valuesOf(head, 'host');
  const [named] = hosts;
  if (head.version === '1.0') return 'malformed request: HTTP/1.0 where requests are read';
  if (named === undefined || hosts.length > 1) return 'malformed request: not exactly one Host';
  if (target.kind !== 'origin') return 'malformed request: the target is not a path';
  // A destination is in its one spelling, and so is nearly every Host.
  const same = (!destination.literal && named === destination.host) || isSameHost(parseAuthority(named), destination);
  if (!same) return `the Host is not ${hostPort(destination)}`;
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

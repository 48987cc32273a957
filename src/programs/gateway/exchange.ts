import type { Socket } from 'node:net';
import { type Pattern, Scrubber } from '../../policy/scrub.ts';
import { hostText } from '../../protocol/host.ts';
import {
  type Framing,
  onlyHost,
  type RequestHead,
  requestFraming,
  requestTarget,
  upstreamHead,
  valuesOf,
} from '../../protocol/http1.ts';
import {
  agentHead,
  endsConnection,
  type ResponseHead,
  readResponseHead,
  responseFraming,
} from '../../protocol/http1-response.ts';
import { passBody } from './bodies.ts';
import { hostPort } from './compartment.ts';
import { nextHead } from './heads.ts';
import { give, type Incoming } from './incoming.ts';
import type { Line } from './intercept.ts';
import { judgeRequest, MISPLACED, type Refused, refuseRequest } from './judging.ts';
import { sayInHttp } from './refuse.ts';
import { wholeBody } from './whole-body.ts';

/** One request and its answer. @returns `over`: nothing more is read on this connection */
export async function exchange(line: Line, head: RequestHead): Promise<'again' | 'over'> {
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
  const body = await wholeBody(line, head, shape.framing);
  if (typeof body === 'string') return refuse(400, body);
  const judged = await judgeRequest(door, destination, { ...head, target: shape.target, ...(body && { body }) });
  if (judged.kind === 'refused') return say(judged);
  const host = hostPort(destination).replace(/:(?:443|80)$/, '');
  const asked = upstreamHead({ ...head, headers: judged.headers }, judged.target, host, true);
  if (asked === undefined) return refuse(400, 'malformed request: Connection names a field that frames the message');
  let server: Awaited<Line['server']>;
  try {
    server = await line.server;
  } catch (error) {
    return refuse(502, `the server is not who it should be, or not there: ${(error as Error).message}`);
  }
  let broken: string | undefined;
  const first = judged.body ? Buffer.concat([asked, judged.body]) : asked;
  const rest: Framing = judged.body ? { kind: 'none' } : shape.framing;
  const sending = send(line, server.socket, first, rest, new Scrubber(judged.stray)).catch((error: Error) => {
    broken = error.message;
    server.socket.destroy(); // it has only a part, and must not take that for the whole
  });
  const told = { begun: false };
  try {
    const next = await answer(server, client, { method: head.method, last: wantsEnd(head) }, judged.reflected, told);
    if (next === 'again') await sending;
    if (broken === undefined) return next;
  } catch (error) {
    broken ??= (error as Error).message;
  }
  if (broken === MISPLACED) judged.misplaced();
  if (!told.begun) return refuse(broken === MISPLACED ? 403 : 502, broken);
  client.destroy(); // it has only a part, and must not take that for the whole
  return 'over';
}

async function send(line: Line, to: Socket, head: Buffer, framing: Framing, scanner: Scrubber): Promise<void> {
  await give(to, head);
  await passBody(line.fromClient, framing, to, scanner, MISPLACED);
}

/** @returns why it cannot be served */
function framed(head: RequestHead, { destination }: Line): { target: string; framing: Framing } | string {
  const target = requestTarget(head);
  const host = onlyHost(head);
  if (head.version === '1.0') return 'malformed request: HTTP/1.0 where requests are read';
  if (host === undefined) return 'malformed request: not exactly one Host';
  if (target.kind !== 'origin') return 'malformed request: the target is not a path';
  const named = hostText(host.host);
  if (named !== destination.host || (host.port !== undefined && host.port !== destination.port))
    return `the Host is not ${hostPort(destination)}`;
  const framing = requestFraming(head);
  return framing.kind === 'bad' ? `malformed request: ${framing.why}` : { target: target.path, framing };
}

function wantsEnd(head: RequestHead): boolean {
  return /(?:^|,)\s*close\s*(?:,|$)/i.test(valuesOf(head, 'connection').join(','));
}

/** Passes the answer on, without the values that went out.
 *  @param asked  `last`: the client wants no other
 *  @param told  `begun` once the client has a part of it. @throws Error what broke it */
async function answer(
  server: { readonly incoming: Incoming },
  client: Socket,
  asked: { readonly method: string; readonly last: boolean },
  patterns: readonly Pattern[],
  told: { begun: boolean },
): Promise<'again' | 'over'> {
  const text = (value: string): string => {
    const scrubber = new Scrubber(patterns);
    return Buffer.concat([scrubber.push(Buffer.from(value, 'latin1')), scrubber.end()]).toString('latin1');
  };
  for (;;) {
    const head = await responseHead(server.incoming);
    const { status } = head;
    if (status === 101) throw new Error('the server switched to another protocol unasked');
    if (status < 200) {
      await give(client, agentHead(head, text, false));
      continue;
    }
    const framing = responseFraming(head, asked.method);
    if (framing.kind === 'bad') throw new Error(`the answer is malformed: ${framing.why}`);
    const coding = valuesOf(head, 'content-encoding').join(',').toLowerCase();
    if (framing.kind !== 'none' && coding !== '' && coding !== 'identity')
      throw new Error('the answer came compressed although it was not to be, so it cannot be searched');
    const ends = asked.last || framing.kind === 'close' || endsConnection(head);
    told.begun = true;
    await give(client, agentHead(head, text, ends));
    await passBody(server.incoming, framing, client, new Scrubber(patterns));
    return ends ? 'over' : 'again';
  }
}

async function responseHead(from: Incoming): Promise<ResponseHead> {
  const next = await nextHead(from, readResponseHead);
  if (next.kind === 'head') return next.head;
  if (next.kind === 'bad') throw new Error(`the answer is malformed: ${next.why}`);
  throw new Error(next.kind === 'none' ? 'the server ended the connection' : 'the answer was cut off');
}

import type { Socket } from 'node:net';
import { placeSecrets } from '../../policy/credential.ts';
import { type Pattern, reflections, Scrubber } from '../../policy/scrub.ts';
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
import { give, type Incoming } from './incoming.ts';
import type { Line } from './intercept.ts';
import { LIMITS } from './limits.ts';
import { sayInHttp } from './refuse.ts';

/** One request and its answer. @returns `over`: nothing more is read on this connection */
export async function exchange(line: Line, head: RequestHead): Promise<'again' | 'over'> {
  const { door, destination, client } = line;
  const { compartment, outside } = door;
  const { name } = compartment;
  const refuse = async (status: number, why: string, ask?: string): Promise<'over'> => {
    const explanation = await compartment.refuse(
      destination,
      door.via,
      why,
      Date.now(),
      ask === undefined ? {} : { ask },
    );
    line.fromClient.leave();
    sayInHttp(client, status, explanation);
    return 'over';
  };
  const shape = framed(head, line);
  if (typeof shape === 'string') return refuse(shape.startsWith('the Host') ? 403 : 400, shape);

  const bound = outside.keys.credentials.at(name, compartment.bindings, destination);
  const all = outside.keys.credentials.all(name, compartment.bindings);
  const placed = placeSecrets({ method: head.method, target: shape.target, headers: head.headers }, bound, all);
  const what = {
    agent: name,
    host: destination.host,
    port: destination.port,
    method: head.method,
    path: shownPath(shape.target),
  };
  const misused = (why: string): void => compartment.misused({ ...what, why }, outside.finding);
  if (placed.kind === 'refused') {
    const ask = placed.as === 'unset' ? `your operator runs: bulkhead secrets set ${placed.secret}` : undefined;
    if (placed.as !== 'unset') misused(placed.why);
    return refuse(placed.as === 'unset' ? 503 : 403, placed.why, ask);
  }
  const asked = upstreamHead(
    { ...head, headers: readable(placed.headers) },
    shape.target,
    hostPort(destination).replace(/:443$/, ''),
    true,
  );
  if (asked === undefined) return refuse(400, 'malformed request: Connection names a field that frames the message');
  try {
    // A secret goes out only once that is on disk.
    const uses = placed.used.map((secret) => ({ event: 'secret.used', ...what, secret }));
    if (uses.length > 0) await outside.recorder.append(uses, 'acknowledged');
    else await outside.recorder.append([{ event: 'egress.request', ...what }], 'accepted');
  } catch {
    return refuse(503, 'the record cannot be written');
  }
  let server: Awaited<Line['server']>;
  try {
    server = await line.server;
  } catch (error) {
    return refuse(502, `the server is not who it should be, or not there: ${(error as Error).message}`);
  }
  const secrets = bound.flatMap(({ value, shown }) => (value === undefined ? [] : [{ value, shown }]));
  const patterns = reflections(secrets, placed.forms);
  const stands = all.map((one) => ({ find: Buffer.from(one), put: Buffer.from(one) }));
  let broken: string | undefined;
  const sending = send(line, server.socket, asked, shape.framing, new Scrubber(stands)).catch((error: Error) => {
    broken = error.message;
    server.socket.destroy(); // it has only a part, and must not take that for the whole
  });
  const told = { begun: false };
  try {
    const next = await answer(server, client, { method: head.method, last: wantsEnd(head) }, patterns, told);
    if (next === 'again') await sending;
    if (broken === undefined) return next;
  } catch (error) {
    broken ??= (error as Error).message;
  }
  if (broken === MISPLACED) misused(MISPLACED);
  if (!told.begun) return refuse(broken === MISPLACED ? 403 : 502, broken);
  client.destroy(); // it has only a part, and must not take that for the whole
  return 'over';
}

async function send(line: Line, to: Socket, head: Buffer, framing: Framing, scanner: Scrubber): Promise<void> {
  await give(to, head);
  await passBody(line.fromClient, framing, to, scanner, MISPLACED);
}

const MISPLACED = 'a placeholder stands in the body, where its secret is not bound to';
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

/** Only what comes uncompressed can be searched. */
function readable(headers: RequestHead['headers']): RequestHead['headers'] {
  return [...headers.filter(([name]) => name !== 'accept-encoding'), ['accept-encoding', 'identity']];
}

function wantsEnd(head: RequestHead): boolean {
  return /(?:^|,)\s*close\s*(?:,|$)/i.test(valuesOf(head, 'connection').join(','));
}

/** Without its query, which may hold anything. */
function shownPath(target: string): string {
  return target.replace(/[?#].*$/s, '').slice(0, 300);
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
  let bytes: Buffer = Buffer.alloc(0);
  let late = Number.POSITIVE_INFINITY;
  for (let pieces = 0; pieces < LIMITS.headPieces; pieces++) {
    const chunk = await from.next(pieces === 0 ? LIMITS.idleHttpMs : late - performance.now());
    if (pieces === 0) late = performance.now() + LIMITS.headMs;
    if (chunk === undefined)
      throw new Error(bytes.length === 0 ? 'the server ended the connection' : 'the answer was cut off');
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const result = readResponseHead(bytes);
    if (result.kind === 'bad') throw new Error(`the answer is malformed: ${result.why}`);
    if (result.kind === 'more') continue;
    from.unread(bytes.subarray(result.length));
    return result.head;
  }
  throw new Error('the answer’s head comes in too many pieces');
}

import type { Destination } from '../../../policy/egress.ts';
import { foreign } from '../../../policy/place.ts';
import { tokensIn, withoutTokens } from '../../../policy/token-answer.ts';
import { readTokenRequest } from '../../../policy/token-request.ts';
import type { Header } from '../../../protocol/http1.ts';
import type { Door } from '../door.ts';
import { type Endpoint, tokenEndpointAt } from '../secrets/endpoints.ts';
import { type Refreshed, refreshLent } from '../secrets/token-endpoint.ts';
import { admit } from '../usage/budgets.ts';
import { Call } from './call.ts';

/** The gateway's own answer: nothing of the request goes out. */
export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body?: Buffer;
}

/** A refresh that an agent's harness asks for is done by the gateway, in a request of its own: so what comes of it is kept whatever becomes of the
 *  agent, and of several who ask at once, or ask while the gateway refreshes by itself, one goes out. The agent has the endpoint's answer, with
 *  its placeholder where tokens stand. */
export async function answerForToken<R>(
  door: Door,
  destination: Destination,
  asked: Asked,
  { secrets, token, lent }: Endpoint,
  refuse: (status: number, why: string, ask?: string) => Promise<R>,
): Promise<Answered | R> {
  const { compartment, outside } = door;
  const { name: agent, bindings } = compartment;
  const { host, port } = destination;
  const body = asked.body ?? Buffer.alloc(0);
  const type = asked.headers.filter(([name]) => name === 'content-type').map(([, value]) => value);
  const read = readTokenRequest(body, type.join());
  if (typeof read === 'string') return refuse(400, `no request for a token: ${read}`);
  if (read.grant !== 'refresh_token') return refuse(403, 'only a sign-in of this agent is refreshed here');
  const what = { agent, host, port, method: asked.method, path: token.path };
  const { credentials } = outside.keys;
  const secret = secrets.find((one) => credentials.standing(agent, bindings, one).includes(read.refresh));
  if (secret === undefined) {
    const { why } = foreign('refresh_token');
    compartment.misused({ ...what, why }, outside.finding);
    return refuse(403, why);
  }
  if (read.client !== undefined && read.client !== token.client)
    return refuse(403, 'it is the sign-in of another client');
  const call = new Call(compartment, outside, { ...asked, host, port, costly: false });
  const stopped = (await admit(compartment, outside, () => compartment.meter.request(false))) ?? heard(call, body);
  call.end();
  if (stopped) return refuse(403, stopped.why, stopped.ask);
  // It may have been held while policy was replaced.
  const since = compartment.whyNot(destination, asked);
  if (since !== undefined) return refuse(403, since);
  if (door.client.destroyed || !tokenEndpointAt(door, destination)?.secrets.includes(secret))
    // policy ends what is no longer granted
    return refuse(403, 'it is no longer a sign-in of this agent');
  void outside.recorder.append([{ event: 'egress.request', ...what }], 'accepted').catch(() => {}); // the refresh is on record before it goes
  const verdict = compartment.judge(destination);
  const address = verdict.kind === 'allow' ? verdict.address : undefined;
  const done = lent
    ? await refreshLent(outside, secret, { ...lent, port }, agent)
    : await outside.signIns?.refresh(secret, { agent, ...(address !== undefined && { address }) });
  return done ? answerOf(done, read.refresh) : refuse(503, 'nobody is signed in');

  function answerOf({ answer, ...came }: Refreshed, stand: string): Answered | Promise<R> {
    if (answer === undefined && came.kind === 'refused') return said(400, '{"error":"invalid_grant"}');
    if (answer === undefined || (came.kind === 'later' && answer.status < 300))
      return refuse(502, 'why' in came ? came.why : 'no answer');
    if (came.kind === 'signed-in' && tokensIn(answer.text).length === 0) return refuse(502, 'the answer is ambiguous');
    const now = came.kind === 'signed-in' ? [came.signIn.access, came.signIn.refresh] : [];
    return said(answer.status, withoutTokens(answer.text, stand, [...answer.sent, ...now]));
  }
}

/** @returns why it goes no further */
function heard(call: Call, body: Buffer): Call['stopped'] {
  const outgoing = call.outgoing([]);
  outgoing.push(body);
  outgoing.end();
  return call.stopped;
}

function said(status: number, body: string): Answered {
  return { kind: 'answered', status, type: 'application/json', body };
}

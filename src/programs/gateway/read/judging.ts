import { isBoundField, placeSecrets } from '../../../policy/credential.ts';
import type { Destination } from '../../../policy/egress.ts';
import type { Spent } from '../../../policy/meter/caps.ts';
import { isModelCall, isModelHost } from '../../../policy/meter/model-calls.ts';
import { goesWhere } from '../../../policy/place.ts';
import { type Pattern, reflections } from '../../../policy/scrub.ts';
import type { Header } from '../../../protocol/http1.ts';
import type { Door } from '../door.ts';
import type { Explanation } from '../refusals/denials.ts';
import { tokenEndpointAt } from '../secrets/endpoints.ts';
import { admit, stoppedStatus } from '../usage/budgets.ts';
import { Call } from './call.ts';
import { type Answered, answerForToken } from './token-answers.ts';

/** One request on a connection that is read, in whatever version of HTTP it came. */
export interface AskedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** Names in lower case; without what names the destination, which the caller has compared. */
  readonly headers: readonly Header[];
  /** Bytes of its body, where that is known before it comes; 0: it has none. */
  readonly length?: number;
  /** There is a body although no field says so, as there may be in HTTP/2. */
  readonly hasBody?: boolean;
  /** All of it, where `isJudgedWhole` says so. */
  readonly body?: Buffer;
}

export type Judged = Go | Refused | Answered;

export interface Go {
  readonly kind: 'go';
  readonly target: string;
  /** With values in the place of placeholders; nothing that asks for compression. */
  readonly headers: readonly Header[];
  /** What goes out in place of the one that was judged; the headers say its length. */
  readonly body?: Buffer;
  /** Must not stand in the body: it is no place that a secret is bound to. */
  readonly stray: readonly Pattern[];
  /** Whether trailers hold a placeholder. */
  readonly strayIn: (trailers: readonly Header[]) => boolean;
  /** Must not come back. */
  readonly reflected: readonly Pattern[];
  /** Counts it: both bodies pass through, and it is told of the answer's status and of the end. */
  readonly call: Call;
  /** The body turned out to hold a placeholder: a finding. */
  readonly misplaced: () => void;
}

/** Recorded; to be answered with this, and the connection or stream to be ended. */
export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
  readonly explanation: Explanation;
}

export const MISPLACED = 'a placeholder stands in what was sent, where its secret is not bound to';

export async function refuseRequest(
  { compartment, via }: Door,
  destination: Destination,
  status: number,
  why: string,
  ask?: string,
): Promise<Refused> {
  const more = ask === undefined ? {} : { ask };
  return {
    kind: 'refused',
    status,
    explanation: await compartment.refuse(destination, via, why, Date.now(), more),
  };
}

/** What a request may carry, decided and on record before a byte of it goes out; the same for each version of HTTP. */
export async function judgeRequest(door: Door, destination: Destination, asked: AskedRequest): Promise<Judged> {
  const { compartment, outside } = door;
  const { credentials } = outside.keys;
  const { method, target } = asked;
  const { host, port } = destination;
  const { rules } = compartment; // others are another list
  const ungranted = compartment.whyNot(destination, asked);
  if (ungranted !== undefined) return refuseRequest(door, destination, 403, ungranted);
  const endpoint = tokenEndpointAt(door, destination, asked);
  if (endpoint)
    return answerForToken(door, destination, asked, endpoint, (status, why, ask) =>
      refuseRequest(door, destination, status, why, ask),
    );
  const { bound, all, stray, reflected, secrets } = credentials.here(
    compartment.name,
    compartment.bindings,
    destination,
  );
  const path = shownPath(target);
  const what = { agent: compartment.name, host, port, method, path };
  const misused = (why: string): void => compartment.misused({ ...what, why }, outside.finding);

  const placed = placeSecrets(asked, bound, all);
  if (placed.kind === 'refused') {
    const { why, secret } = placed;
    if (placed.as === 'unset')
      return refuseRequest(door, destination, 503, why, `your operator runs: bulkhead secrets set ${secret}`);
    if (placed.as === 'malformed') return refuseRequest(door, destination, 400, why);
    misused(why);
    return refuseRequest(door, destination, 403, why, goesWhere(bound));
  }
  const costly = isModelCall(method, host, path) || (method === 'POST' && compartment.meter.isCostly(host));
  const { length } = asked;
  const call = new Call(compartment, outside, {
    method,
    target,
    host,
    port,
    costly,
    ...(length !== undefined && { length }),
  });
  const count = (): Spent | undefined => compartment.meter.count(costly);
  const unread = unmetered(asked, costly, door, destination);
  const spent = unread ?? (count() && (await admit(compartment, outside, count)));
  const stopped = spent ?? (asked.length === 0 ? call.bodiless() : undefined);
  if (stopped) return refuseRequest(door, destination, stoppedStatus(costly), stopped.why, stopped.ask);
  // It may have been held while rules were replaced.
  const meanwhile = compartment.rules === rules ? undefined : compartment.whyNot(destination, asked);
  if (meanwhile !== undefined) return refuseRequest(door, destination, 403, meanwhile);
  const uses = placed.used.map((secret) => ({ event: 'secret.used', ...what, secret }));
  try {
    // A secret goes out only once that is on disk.
    if (uses.length > 0) await outside.recorder.append(uses, 'acknowledged');
    else await outside.recorder.append([{ event: 'egress.request', ...what }], 'accepted');
  } catch {
    return refuseRequest(door, destination, 503, 'the record cannot be written');
  }
  const unwritten = compartment.meter.written(); // once for all requests whose entries were accepted together
  if (unwritten) {
    compartment.meter.refused();
    return refuseRequest(door, destination, stoppedStatus(costly), unwritten.why, unwritten.ask);
  }
  const since = compartment.rules === rules ? undefined : compartment.whyNot(destination, asked);
  if (since !== undefined) return refuseRequest(door, destination, 403, since);
  return {
    kind: 'go',
    target: placed.target,
    headers: readable(placed.body === undefined ? placed.headers : framedAs(placed.headers, placed.body)),
    ...(placed.body && { body: placed.body }),
    stray,
    strayIn: (trailers) =>
      trailers.some(([name, value]) => value !== '' && isBoundField(name, bound)) ||
      placeSecrets({ method, target: '/', headers: trailers }, [], all).kind === 'refused',
    reflected: placed.forms.length === 0 ? reflected : reflections(secrets, placed.forms),
    call,
    misplaced: () => misused(MISPLACED),
  };
}

/** What becomes another protocol cannot be counted where tokens are. */
function unmetered(
  { headers }: AskedRequest,
  costly: boolean,
  { compartment }: Door,
  { host }: Destination,
): { why: string; ask: string } | undefined {
  if (!compartment.meter.countsTokens || !(costly || isModelHost(host))) return undefined;
  if (!headers.some(([name]) => name === 'upgrade')) return undefined;
  return {
    why: 'its tokens are to be counted, and in another protocol they cannot be',
    ask: 'use plain HTTP requests',
  };
}

/** Only what comes uncompressed can be searched. */
function readable(headers: readonly Header[]): Header[] {
  return [...headers.filter(([name]) => name !== 'accept-encoding'), ['accept-encoding', 'identity']];
}

const FRAMING: readonly string[] = ['content-length', 'transfer-encoding', 'expect', 'trailer'];

function framedAs(headers: readonly Header[], { length }: Buffer): Header[] {
  return [...headers.filter(([name]) => !FRAMING.includes(name)), ['content-length', String(length)]];
}

/** Without its query, which may hold anything. */
export function shownPath(target: string): string {
  return target.replace(/[?#].*$/s, '').slice(0, 300);
}

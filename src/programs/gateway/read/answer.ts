import type { Socket } from 'node:net';
import { type Pattern, scrubName, scrubText } from '../../../policy/scrub.ts';
import type { Header } from '../../../protocol/http1.ts';
import {
  agentHead,
  type Clean,
  endsConnection,
  type ResponseHead,
  readResponseHead,
  responseFraming,
} from '../../../protocol/http1-response.ts';
import { whyNoWebSocket } from '../../../protocol/websocket.ts';
import { passBody } from './bodies.ts';
import type { Call } from './call.ts';
import { codingOf, withoutCoding } from './decoding.ts';
import { nextHead } from './heads.ts';
import { give, type Incoming } from './incoming.ts';

/** How far the request's own body is. */
export interface Sending {
  done: boolean;
  /** The client sends it unasked, or was told to go on. */
  continued: boolean;
}

export interface Answered {
  readonly method: string;
  /** The client wants no other. */
  readonly last: boolean;
  /** It asked to switch to a WebSocket, which this proves to be understood. */
  readonly webSocket: string | undefined;
  /** Counts it. */
  readonly call: Call;
}

/** `last`: the client wants no more, the server could be asked again. `over`: nothing more on either side. */
export type Next = 'again' | 'last' | 'over';

/** Passes the answer on, without the values that went out.
 *  @param told  `begun` once the client has a part of it. @throws Error what broke it */
export async function passAnswer(
  from: Incoming,
  client: Socket,
  asked: Answered,
  patterns: readonly Pattern[],
  sending: Sending,
  told: { begun: boolean },
): Promise<Next | 'switched'> {
  const clean: Clean = { name: (name) => scrubName(name, patterns), text: (text) => scrubText(text, patterns) };
  for (;;) {
    const came = await responseHead(from);
    const { status } = came;
    if (status === 101) {
      if (asked.webSocket === undefined) throw new Error('the server switched to another protocol unasked');
      const wrong = whyNoWebSocket(came, asked.webSocket);
      if (wrong !== undefined) throw new Error(wrong);
      told.begun = true;
      await give(client, agentHead(came, clean, SWITCHED));
      return 'switched';
    }
    if (status < 200) {
      if (status === 100) sending.continued = true;
      await give(client, agentHead(came, clean, []));
      continue;
    }
    const framed = responseFraming(came, asked.method);
    if (framed.kind === 'bad') throw new Error(`the answer is malformed: ${framed.why}`);
    const coding = framed.kind === 'none' ? undefined : codingOf(came.headers);
    if (coding === 'other' || (coding !== undefined && status === 206)) throw new Error(COMPRESSED);
    const head = coding === undefined ? came : { ...came, headers: [...withoutCoding(came.headers), CHUNKED] };
    const over = framed.kind === 'close' || endsConnection(came) || !sending.done;
    const ends = over || asked.last;
    told.begun = true;
    asked.call.answered(status);
    const trailers = (list: readonly Header[]): Header[] =>
      list.map(([name, value]) => [clean.name(name), clean.text(value)]);
    await passBody(from, framed, client, {
      head: agentHead(head, clean, ends ? CLOSE : []),
      scrubber: asked.call.incoming(patterns),
      trailers,
      ...(coding && { coding }),
    });
    if (over) return 'over';
    return asked.last ? 'last' : 'again';
  }
}

export const COMPRESSED = 'the answer came compressed although it was not to be, so it cannot be searched';
const CLOSE: readonly Header[] = [['connection', 'close']];
const CHUNKED: Header = ['transfer-encoding', 'chunked'];
const SWITCHED: readonly Header[] = [
  ['upgrade', 'websocket'],
  ['connection', 'Upgrade'],
];

async function responseHead(from: Incoming): Promise<ResponseHead> {
  const next = await nextHead(from, readResponseHead);
  if (next.kind === 'head') return next.head;
  if (next.kind === 'bad') throw new Error(`the answer is malformed: ${next.why}`);
  throw new Error(next.kind === 'none' ? 'the server ended the connection' : 'the answer was cut off');
}

import type { Destination } from '../../../policy/egress.ts';
import {
  type ClientHello,
  type ClientHelloResult,
  LONGEST_HELLO,
  readClientHello,
} from '../../../protocol/clienthello.ts';
import { canonicalHost, hostText } from '../../../protocol/host.ts';
import { asksAgain, secondHelloAt } from '../../../protocol/server-hello.ts';
import type { Door } from '../door.ts';
import { firstBytes } from '../first-bytes.ts';
import { LIMITS } from '../limits.ts';
import { join } from '../passages/join.ts';
import type { Open } from '../passages/open-passage.ts';
import { sayInTls } from '../refusals/refuse.ts';

/** Why a ClientHello may not go to a destination; undefined if it may. */
export function helloDisagrees(hello: ClientHelloResult, { host, port, literal }: Destination): string | undefined {
  if (hello.kind === 'more') return 'an incomplete ClientHello';
  if (hello.kind === 'bad') return hello.why;
  if (port === 80) return 'TLS on port 80';
  if (hello.encrypted) return 'the server name is encrypted (ECH), so it cannot be compared';
  if (hello.serverName === host) return undefined; // nearly always: a destination is in its one spelling already
  if (hello.serverName === undefined) {
    return port === 443 && !literal ? `TLS without a server name, to ${host}` : undefined;
  }
  const named = hostText(canonicalHost(hello.serverName));
  return named === host
    ? undefined
    : `the server name ${JSON.stringify(hello.serverName.slice(0, 260))} is not ${host}`;
}

/** Sends a judged ClientHello, and lets the rest pass once it is sure that no other one follows: where the server asks for a
 *  second (HelloRetryRequest), that is judged too, since some servers believe its name.
 *  @param bytes  the ClientHello and what came with it; of that, only the rest is still in the socket */
export async function joinTls(
  door: Door,
  destination: Destination,
  open: Open,
  hello: ClientHello,
  bytes: Buffer,
): Promise<void> {
  const { client } = door;
  const { upstream, passage } = open;
  upstream.write(bytes.subarray(0, hello.length));
  const answer = await firstBytes(upstream, askedAgain, LIMITS.headMs, all);
  if (answer.kind !== 'read') return passage.end('no answer to the ClientHello');
  client.write(answer.bytes);
  if (answer.value === 'no') return join(client, upstream, passage);
  const second = await firstBytes(client, secondHello);
  if (second.kind !== 'read') return passage.end('no second ClientHello');
  const why = second.value === 'none' ? undefined : helloDisagrees(second.value, destination);
  if (why !== undefined) {
    passage.abandon(why);
    await door.compartment.refuse(destination, door.via, why, Date.now());
    return sayInTls(client);
  }
  join(client, upstream, passage);
}

function askedAgain(heard: Buffer): 'yes' | 'no' | undefined {
  const again = asksAgain(heard);
  return again === 'more' ? undefined : again;
}

function all(_: unknown, { length }: Buffer): number {
  return length;
}

const MOST_EARLY_DATA = 64 * 1024;

function secondHello(bytes: Buffer): ClientHelloResult | 'none' | undefined {
  const at = secondHelloAt(bytes);
  if (bytes.length > MOST_EARLY_DATA + LONGEST_HELLO)
    return { kind: 'bad', why: 'too much before the second ClientHello' };
  if (typeof at === 'string') return at === 'none' ? at : undefined;
  const hello = readClientHello(bytes.subarray(at));
  return hello.kind === 'more' ? undefined : hello;
}

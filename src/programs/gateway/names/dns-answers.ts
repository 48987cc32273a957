import { mayBeNamed } from '../../../policy/egress.ts';
import { type Address, parseAddress } from '../../../protocol/address.ts';
import {
  decodeQuery,
  encodeAnswer,
  encodeError,
  isInternet,
  NOERROR,
  type Query,
  REFUSED,
  SERVFAIL,
  TYPE_A,
  TYPE_AAAA,
} from '../../../protocol/dns.ts';
import { canonicalHost } from '../../../protocol/host.ts';
import type { Compartment } from '../compartment.ts';
import { INTERNAL, syntheticAddresses } from './names.ts';

/** Seconds. An address belongs to its name as long as the compartment lives. */
const TTL = 60;

/** Answers a DNS message from inside; nothing is ever asked outside. Names that policy may allow have an address, all others are
 *  refused and recorded. @returns undefined: no answer */
export async function answerDns(compartment: Compartment, message: Buffer, now: number): Promise<Buffer | undefined> {
  const decoded = decodeQuery(message);
  if (decoded.kind === 'drop') return undefined;
  if (decoded.kind === 'error') return encodeError(decoded.id, decoded.rcode);
  const { query } = decoded;
  const found = lookUp(compartment, query);
  if (found.kind === 'addresses') return encodeAnswer(query, NOERROR, found.addresses, TTL);
  if (found.kind === 'broken') return encodeAnswer(query, SERVFAIL);
  await compartment.refuseName(query.name.toLowerCase(), query.type, found.why, now);
  return encodeAnswer(query, REFUSED);
}

type Found =
  | { readonly kind: 'addresses'; readonly addresses: readonly Address[] }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'broken' };

function lookUp(compartment: Compartment, query: Query): Found {
  const host = canonicalHost(query.name);
  if (host.kind !== 'name' || !isInternet(query)) return { kind: 'refused', why: 'not the name of a host' };
  const { name } = host;
  if (name === 'localhost' || name.endsWith('.localhost')) return forType(query, '127.0.0.1', '::1'); // RFC 6761, 6.3
  if (name !== INTERNAL && compartment.askMs === undefined && !mayBeNamed(compartment.rules, name))
    return { kind: 'refused', why: `no rule grants ${name}` };
  if (query.type !== TYPE_A && query.type !== TYPE_AAAA) return { kind: 'addresses', addresses: [] };
  let number: number | undefined;
  try {
    number = compartment.names.numberOf(name);
  } catch (error) {
    console.error(`${compartment.name}: an address for ${name} could not be written down: ${(error as Error).message}`);
    return { kind: 'broken' };
  }
  if (number === undefined) return { kind: 'refused', why: 'too many names have an address already' };
  const { v4, v6 } = syntheticAddresses(number);
  return forType(query, v4, v6);
}

function forType({ type }: Query, v4: string, v6: string): Found {
  const address = type === TYPE_A ? parseAddress(v4) : type === TYPE_AAAA ? parseAddress(v6) : undefined;
  return { kind: 'addresses', addresses: address === undefined ? [] : [address] };
}

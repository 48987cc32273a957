import { addressOf } from './address.ts';
import { canonicalHost, type Host } from './host.ts';

/** SOCKS version 5 (RFC 1928), the client's side of it: a greeting, then one request. The agent controls every byte. */
export type Greeting =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad' }
  | { readonly kind: 'greeting'; readonly withoutPassword: boolean; readonly length: number };

export function readGreeting(bytes: Uint8Array): Greeting {
  if (bytes.length > 0 && bytes[0] !== 5) return { kind: 'bad' };
  const count = bytes[1];
  if (count === 0) return { kind: 'bad' };
  if (count === undefined || bytes.length < 2 + count) return { kind: 'more' };
  return { kind: 'greeting', withoutPassword: bytes.subarray(2, 2 + count).includes(0), length: 2 + count };
}

export type SocksRequest =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly reply: number; readonly why: string }
  | { readonly kind: 'connect'; readonly host: Host; readonly port: number; readonly length: number };

/** Reply codes (RFC 1928, 6). */
export const SOCKS = {
  ok: 0,
  failure: 1,
  denied: 2,
  unreachable: 4,
  refused: 5,
  command: 7,
  addressType: 8,
} as const;

export function readSocksRequest(bytes: Uint8Array): SocksRequest {
  if (bytes.length < 5)
    return bytes.length > 0 && bytes[0] !== 5 ? bad(SOCKS.failure, 'not SOCKS 5') : { kind: 'more' };
  if (bytes[0] !== 5 || bytes[2] !== 0) return bad(SOCKS.failure, 'malformed SOCKS request');
  const type = bytes[3] as number;
  const size = { 1: 4, 3: 1 + (bytes[4] as number), 4: 16 }[type];
  if (size === undefined) return bad(SOCKS.addressType, 'unknown SOCKS address type');
  const length = 4 + size + 2;
  if (bytes.length < length) return { kind: 'more' };
  if (bytes[1] !== 1) return bad(SOCKS.command, 'only CONNECT is offered');
  const port = ((bytes[length - 2] as number) << 8) | (bytes[length - 1] as number);
  if (port === 0) return bad(SOCKS.failure, 'port 0');
  return { kind: 'connect', host: socksHost(type, bytes.subarray(4, 4 + size)), port, length };
}

function socksHost(type: number, raw: Uint8Array): Host {
  if (type !== 3) return { kind: 'address', address: addressOf([...raw]) };
  return canonicalHost(String.fromCharCode(...raw.subarray(1)));
}

/** @param code  one of `SOCKS`; the bound address is of no use to a client and given as 0.0.0.0:0 */
export function socksReply(code: number): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

function bad(reply: number, why: string): SocksRequest {
  return { kind: 'bad', reply, why };
}

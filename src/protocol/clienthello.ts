import { Cursor } from './bytes.ts';

/** The first flight of a TLS client (RFC 8446, 4.1.2 and 5.1; RFC 6066, 3), read without answering it. The agent controls
 *  every byte: records and the handshake message may be cut anywhere. */
export interface ClientHello {
  readonly kind: 'hello';
  /** The server name as sent; undefined when there is none. */
  readonly serverName: string | undefined;
  /** An encrypted ClientHello is present (or pretended): the real name is hidden. */
  readonly encrypted: boolean;
  /** What it offers to speak (RFC 7301, ALPN), in its order. */
  readonly protocols: readonly string[];
  /** Bytes of the records that hold it. */
  readonly length: number;
}

export type ClientHelloResult =
  | ClientHello
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly why: string };

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const PROTOCOLS = 16;
/** draft-ietf-tls-esni (RFC 9849), encrypted_client_hello; and the older ESNI draft's number. */
const ENCRYPTED = [0xfe0d, 0xffce];
/** Larger than any client sends (post-quantum key shares take about 1.7 kB). */
export const LONGEST_HELLO: number = 32 * 1024;

/** Whether bytes may be the start of a TLS connection: a handshake record of version 3.x. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes[0] === HANDSHAKE && (bytes.length < 2 || bytes[1] === 3);
}

export function readClientHello(bytes: Uint8Array): ClientHelloResult {
  const parts: Uint8Array[] = [];
  let gathered = 0;
  for (let at = 0; ; ) {
    if (at >= bytes.length) return bytes.length > LONGEST_HELLO ? bad('the ClientHello is too long') : { kind: 'more' };
    if (bytes[at] !== HANDSHAKE) return bad('the first record is no TLS handshake');
    if (bytes.length - at < 5) return { kind: 'more' };
    if (bytes[at + 1] !== 3) return bad('not a version of TLS');
    const size = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    if (size === 0 || size > 16384) return bad('a TLS record of impossible length');
    const piece = bytes.subarray(at + 5, at + 5 + size);
    parts.push(piece);
    gathered += piece.length;
    const first = parts[0] as Uint8Array;
    if (first.length > 0 && first[0] !== CLIENT_HELLO) return bad('the first handshake message is no ClientHello');
    if (piece.length < size)
      return bytes.length > LONGEST_HELLO ? bad('the ClientHello is too long') : { kind: 'more' };
    at += 5 + size;
    if (gathered < 4) continue;
    const message = parts.length === 1 ? first : joined(parts, gathered);
    const length = 4 + ((message[1] as number) << 16) + ((message[2] as number) << 8) + (message[3] as number);
    if (length > LONGEST_HELLO) return bad('the ClientHello is too long');
    if (gathered > length) return bad('bytes follow the ClientHello in its record');
    if (gathered === length) return decode(message, at);
  }
}

function decode(message: Uint8Array, length: number): ClientHelloResult {
  try {
    const cursor = new Cursor(message, 4);
    cursor.take(2 + 32);
    cursor.vector(1);
    cursor.vector(2);
    cursor.vector(1);
    if (cursor.left === 0) return { kind: 'hello', serverName: undefined, encrypted: false, protocols: [], length };
    const extensions = cursor.vector(2);
    if (cursor.left !== 0) return bad('bytes follow the extensions');
    const seen = new Set<number>();
    let serverName: string | undefined;
    let protocols: readonly string[] = [];
    while (extensions.left > 0) {
      const type = extensions.number(2);
      const body = extensions.vector(2);
      if (seen.has(type)) return bad('an extension comes twice');
      seen.add(type);
      if (type === SERVER_NAME) serverName = readServerName(body);
      if (type === PROTOCOLS) protocols = readProtocols(body);
    }
    return { kind: 'hello', serverName, encrypted: ENCRYPTED.some((type) => seen.has(type)), protocols, length };
  } catch (error) {
    if (error instanceof RangeError) return bad(`malformed ClientHello: ${error.message}`);
    throw error;
  }
}

/** Exactly one name of type host_name (RFC 6066, 3). */
function readServerName(body: Cursor): string {
  const list = body.vector(2);
  if (list.number(1) !== 0) throw new RangeError('a server name of unknown type');
  const name = list.vector(2);
  if (name.left === 0 || name.left > 255 || list.left !== 0 || body.left !== 0)
    throw new RangeError('not exactly one server name');
  return String.fromCharCode(...name.take(name.left));
}

function readProtocols(body: Cursor): string[] {
  const list = body.vector(2);
  const names: string[] = [];
  while (list.left > 0) {
    const name = list.vector(1);
    if (name.left === 0) throw new RangeError('a protocol without a name');
    names.push(String.fromCharCode(...name.take(name.left)));
  }
  if (names.length === 0 || body.left !== 0) throw new RangeError('not one list of protocols');
  return names;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function bad(why: string): ClientHelloResult {
  return { kind: 'bad', why };
}

/** A fatal alert record (RFC 8446, 6), access_denied: what a client is told whose destination is refused. */
export function accessDeniedAlert(): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, 49]);
}

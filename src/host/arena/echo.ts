import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { holdsValue, wholly } from './keys.ts';

/** The drill's service that knows a key: it lets in whoever has it, and tells it back in every way that services do. Pure. */
export interface Asked {
  readonly path: string;
  readonly head: string;
}

/** As a key that is bound to it should come. */
const IN_PLACE = /^(authorization: bearer |x-drill-key: )(\S+)\r?$/gim;

/** @returns what came as the key of a request under /v1/; undefined for any other request */
export function keyIn({ path, head }: Asked): string | undefined {
  if (!/^(?:GET|POST) (?:http:\/\/[^/]+)?\/v1\/[\w/-]* /.test(head) || !path.includes('/v1/')) return undefined;
  return [...head.matchAll(IN_PLACE)][0]?.[2] ?? '';
}

/** Whether the value stands anywhere else than where a key belongs. */
export function isAstray(text: string, requests: readonly Asked[], value: string): boolean {
  let rest = text;
  for (const request of requests)
    if (keyIn(request) === value) rest = rest.replace(request.head, request.head.replace(IN_PLACE, ''));
  return holdsValue(rest, value) || holdsValue(inFrames(rest), value);
}

export function isWebSocket({ head }: Asked): boolean {
  return /^upgrade: *websocket/im.test(head);
}

/** An unmasked frame of text (RFC 6455, 5.2), shorter than 126 bytes. */
export function frameOf(text: string): string {
  return `\x81${String.fromCharCode(text.length)}${text}`;
}

/** What masked frames after the handshake say. */
function inFrames(text: string): string {
  const bytes = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
  let said = '';
  for (let at = 0; at + 6 <= bytes.length; ) {
    const length = (bytes[at + 1] ?? 0) & 127;
    if (length > 125) break;
    const mask = bytes.subarray(at + 2, at + 6);
    for (let i = 0; i < length; i++) said += String.fromCharCode((bytes[at + 6 + i] ?? 0) ^ (mask[i % 4] ?? 0));
    at += 6 + length;
  }
  return said;
}

function ok(body: string, more: readonly string[] = [], status = '200 OK'): string {
  const lines = [`HTTP/1.1 ${status}`, ...more, `Content-Length: ${body.length}`];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function chunked(chunks: readonly string[], trailers: readonly string[] = []): string {
  const coded = chunks.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`).join('');
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${coded}0\r\n${trailers.map((one) => `${one}\r\n`).join('')}\r\n`;
}

/** @param key  what came; empty: none. @param welcome  for who has the right one */
export function echoed({ path, head }: Asked, key: string, welcome: string): string {
  const half = key.length >> 1;
  const [, how = ''] = /\/v1\/echo-(\w+)/.exec(path) ?? [];
  const base64 = Buffer.from(key, 'latin1').toString('base64');
  if (isWebSocket({ path, head })) {
    const nonce = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
    const accept = createHash('sha1').update(`${nonce}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const answer = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    return `${[...answer, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n${frameOf(`echo: ${key} end`)}`;
  }
  switch (how) {
    case 'body':
      return ok(`echo: ${key} end`);
    case 'header':
      return ok('echo: end', [`X-Echo: ${key}`]);
    case 'error':
      return ok(`echo: no such key: ${key} end`, [], '401 Unauthorized');
    case 'redirect':
      return ok('echo: end', [`Location: /v1/login?key=${key}`], '302 Found');
    case 'cookie':
      return ok('echo: end', [`Set-Cookie: key=${key}`]);
    case 'reason':
      return ok('echo: end', [], `200 ${key}`);
    case 'percent':
      return ok(`echo: ${wholly(key)} end`);
    case 'base64':
      return ok(`echo: ${base64} end`);
    case 'chunks':
      return chunked([`echo: ${key.slice(0, half)}`, `${key.slice(half)} end`]);
    case 'gzip': {
      const packed = gzipSync(`echo: ${key} end`, { level: 0 }).toString('latin1');
      return ok(packed, ['Content-Encoding: gzip']);
    }
    case 'trailer':
      return chunked(['echo: end'], [`X-Echo: ${key}`]);
    default:
      return ok(welcome, [`X-Arena: ${welcome}`]);
  }
}

import { createHash } from 'node:crypto';
import { listed, type RequestHead, valuesOf } from './http1.ts';
import type { ResponseHead } from './http1-response.ts';

/** WebSocket (RFC 6455): the handshake, and frames read so strictly that no other end can read them otherwise. No extension is ever
 *  negotiated, so no reserved bit may be set. */
export const CONTINUATION = 0;
const BINARY = 2;
export const CLOSE = 8;
const PONG = 10;
export const POLICY_VIOLATION = 1008;
export const PROTOCOL_ERROR = 1002;

/** What a client that asks to switch is answered with (RFC 6455, 4.2.2).
 *  @returns undefined: it asks for no WebSocket; `bad`: it does, and wrongly */
export function asksForWebSocket(head: RequestHead): { readonly accept: string } | 'bad' | undefined {
  const [upgrade, ...more] = listed(head, 'upgrade');
  if (upgrade !== 'websocket' || more.length > 0 || !listed(head, 'connection').includes('upgrade')) return undefined;
  const keys = valuesOf(head, 'sec-websocket-key');
  const versions = valuesOf(head, 'sec-websocket-version');
  if (keys.length !== 1 || !/^[A-Za-z0-9+/]{22}==$/.test(keys[0] ?? '')) return 'bad';
  if (head.method !== 'GET' || head.version !== '1.1' || versions.join() !== '13') return 'bad';
  const framed = ['content-length', 'transfer-encoding'].some((name) => valuesOf(head, name).length > 0);
  if (framed) return 'bad';
  return { accept: createHash('sha1').update(`${keys[0]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64') };
}

/** Why an answer of status 101 is no WebSocket; undefined if it is one. */
export function whyNoWebSocket(head: ResponseHead, accept: string): string | undefined {
  if (listed(head, 'upgrade').join() !== 'websocket' || !listed(head, 'connection').includes('upgrade'))
    return 'the server switched to something else than a WebSocket';
  if (valuesOf(head, 'sec-websocket-accept').join() !== accept)
    return 'the server answered another WebSocket handshake';
  return valuesOf(head, 'sec-websocket-extensions').length > 0 ? 'the server uses an extension unasked' : undefined;
}

/** A piece of a frame's payload, unmasked; a frame without one gives one empty piece. */
export interface FramePiece {
  readonly opcode: number;
  readonly fin: boolean;
  readonly data: Buffer;
  /** It ends its frame. */
  readonly last: boolean;
}

interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  /** Bytes of its payload still to come. */
  left: number;
  readonly mask: Buffer | undefined;
  at: number;
}

const NOTHING = Buffer.alloc(0);
const LONGEST_HEAD = 14;

export class FrameReader {
  readonly #masked: boolean;
  #head: Buffer = NOTHING;
  #frame: Frame | undefined;
  /** A message of several frames has begun. */
  #open = false;

  /** @param masked  as what a client sends must be, and what a server sends must not */
  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /** Unmasks in place. @throws RangeError on a malformed frame; nothing more may be forwarded then */
  push(bytes: Buffer): FramePiece[] {
    const pieces: FramePiece[] = [];
    for (let rest = bytes; ; ) {
      if (this.#frame === undefined) {
        if (rest.length === 0) return pieces;
        const held = this.#head.length;
        this.#head = held === 0 ? rest : Buffer.concat([this.#head, rest.subarray(0, LONGEST_HEAD)]);
        const length = this.#readHead();
        if (length === 0) {
          if (held === 0) this.#head = Buffer.from(rest);
          return pieces;
        }
        rest = rest.subarray(length - held);
        this.#head = NOTHING;
      }
      const frame = this.#frame as Frame;
      if (frame.left > 0 && rest.length === 0) return pieces;
      const data = rest.subarray(0, frame.left);
      rest = rest.subarray(data.length);
      if (frame.mask) frame.at = mask(data, frame.mask, frame.at);
      frame.left -= data.length;
      const last = frame.left === 0;
      pieces.push({ opcode: frame.opcode, fin: frame.fin, data, last });
      if (last) this.#frame = undefined;
    }
  }

  /** @returns its length; 0 while it is not whole */
  #readHead(): number {
    const head = this.#head;
    if (head.length < 2) return 0;
    const [first, second] = [head[0] as number, head[1] as number];
    const [opcode, fin, short] = [first & 15, first > 127, second & 127];
    if ((first & 0x70) !== 0) throw new RangeError('a reserved bit is set');
    if (second > 127 !== this.#masked) throw new RangeError(this.#masked ? 'a frame without a mask' : 'a masked frame');
    if (opcode > PONG || (opcode > BINARY && opcode < CLOSE)) throw new RangeError('a frame of unknown kind');
    if (opcode >= CLOSE && (!fin || short > 125)) throw new RangeError('a control frame in pieces, or too long');
    if (opcode < CLOSE && (opcode === CONTINUATION) !== this.#open) throw new RangeError('a message inside a message');
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
    const length = 2 + extra + (this.#masked ? 4 : 0);
    if (head.length < length) return 0;
    const size = extra === 8 ? head.readBigUInt64BE(2) : BigInt(extra === 2 ? head.readUInt16BE(2) : short);
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('a frame of impossible length');
    if (extra > 0 && size < (extra === 2 ? 126n : 65536n)) throw new RangeError('a length in more bytes than it takes');
    if (opcode < CLOSE) this.#open = !fin;
    const key = this.#masked ? Buffer.from(head.subarray(length - 4, length)) : undefined;
    this.#frame = { opcode, fin, left: Number(size), mask: key, at: 0 };
    return length;
  }
}

/** One frame. @param key  four bytes that nobody could foresee, for what goes to a server; the payload is masked in place */
export function frame(opcode: number, fin: boolean, payload: Buffer, key?: Buffer): Buffer {
  const { length } = payload;
  const extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const head = Buffer.alloc(2 + extra);
  head[0] = (fin ? 128 : 0) | opcode;
  head[1] = (key ? 128 : 0) | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) head.writeUInt16BE(length, 2);
  if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (key === undefined) return Buffer.concat([head, payload]);
  mask(payload, key, 0);
  return Buffer.concat([head, key, payload]);
}

export function closing(code: number, why: string): Buffer {
  const payload = Buffer.from(`\0\0${why}`, 'latin1');
  payload.writeUInt16BE(code, 0);
  return payload;
}

/** @param at  where in the mask it goes on. @returns where after it */
function mask(data: Buffer, key: Buffer, at: number): number {
  const { length } = data;
  for (let i = 0; i < length; i++) data[i] = (data[i] as number) ^ (key[(at + i) & 3] as number);
  return (at + length) & 3;
}

import type { Socket } from 'node:net';

// Frames of HTTP/2 by hand (RFC 9113, 4.1), for servers in tests that say what no library does.

export const DATA = 0;
export const HEADERS = 1;
export const RST = 3;
export const SETTINGS = 4;
export const PUSH = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW = 8;
export const CONTINUATION = 9;

export function frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

export const u32 = (value: number): Buffer =>
  Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);

/** What does not fit into an integer's first byte (RFC 7541, 5.1). */
export const more = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...more(n >> 7)]);

export const text = (one: string): Buffer =>
  Buffer.concat([
    Buffer.from(one.length < 127 ? [one.length] : [127, ...more(one.length - 127)]),
    Buffer.from(one, 'latin1'),
  ]);

/** A literal, not indexed (RFC 7541, 6.2.2). */
export const field = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0]), text(name), text(value)]);

export const fields = (list: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(list.map(([name, value]) => field(name, value)));

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** Greets a client, acknowledges its settings, and gives each frame of its to `each`. */
export function serveFrames(socket: Socket, each: (frame: Frame) => void): void {
  let held = Buffer.alloc(0);
  let greeted = false;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (!greeted) {
      if (held.length < 24) return;
      held = held.subarray(24);
      greeted = true;
      socket.write(frame(SETTINGS, 0, 0));
    }
    while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      const size = held.readUIntBE(0, 3);
      const one = {
        type: held[3] ?? 0,
        flags: held[4] ?? 0,
        id: held.readUInt32BE(5),
        payload: held.subarray(9, 9 + size),
      };
      held = held.subarray(9 + size);
      if (one.type === SETTINGS && (one.flags & 1) === 0 && socket.writable) socket.write(frame(SETTINGS, 1, 0));
      each(one);
    }
  });
}

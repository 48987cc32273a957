import { crc32 } from 'node:zlib';

/** A record of the log file: length (4 bytes, big-endian), CRC-32 of the body (4 bytes), body. The checksum finds a torn write,
 *  not an enemy: that is the signed tree's work. */
export const HEADER_BYTES = 8;

export function recordBytes(body: Buffer): number {
  return HEADER_BYTES + body.length;
}

export function encodeRecords(bodies: readonly Buffer[]): Buffer {
  const out = Buffer.allocUnsafe(bodies.reduce((sum, body) => sum + recordBytes(body), 0));
  let at = 0;
  for (const body of bodies) {
    out.writeUInt32BE(body.length, at);
    out.writeUInt32BE(crc32(body), at + 4);
    body.copy(out, at + HEADER_BYTES);
    at += recordBytes(body);
  }
  return out;
}

export interface Records {
  readonly bodies: readonly Buffer[];
  /** Bytes of whole records; what follows is torn. */
  readonly whole: number;
}

/** Reads records up to the first that is cut short or does not match its checksum. */
export function decodeRecords(bytes: Buffer, longest: number): Records {
  const bodies: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const length = bytes.readUInt32BE(at);
    const end = at + HEADER_BYTES + length;
    if (length === 0 || length > longest || end > bytes.length) break;
    const body = bytes.subarray(at + HEADER_BYTES, end);
    if (crc32(body) !== bytes.readUInt32BE(at + 4)) break;
    bodies.push(body);
    at = end;
  }
  return { bodies, whole: at };
}

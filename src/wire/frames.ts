/** Frames between our programs: a length (4 bytes, big-endian, of the body alone), then the body, UTF-8 JSON. */
export const LONGEST_FRAME: number = 32 * 1024 * 1024;

export function encodeFrame(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value), 'utf8');
  if (body.length > LONGEST_FRAME) throw new RangeError(`a frame of ${body.length} bytes is too long`);
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Collects bytes and gives back whole frames. The peer controls the bytes: a length over the limit, or a body that is not
 *  JSON, throws, and the connection must be closed. */
export class FrameReader {
  #held: Buffer = Buffer.alloc(0);
  readonly #longest: number;

  constructor(longest: number = LONGEST_FRAME) {
    this.#longest = longest;
  }

  push(chunk: Buffer): unknown[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const values: unknown[] = [];
    let at = 0;
    while (this.#held.length - at >= 4) {
      const length = this.#held.readUInt32BE(at);
      if (length > this.#longest) throw new RangeError(`a frame of ${length} bytes is too long`);
      if (this.#held.length - at - 4 < length) break;
      values.push(JSON.parse(this.#held.toString('utf8', at + 4, at + 4 + length)));
      at += 4 + length;
    }
    this.#held = this.#held.subarray(at);
    return values;
  }
}

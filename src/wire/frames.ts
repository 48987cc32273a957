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
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** So many are there before anything more can be told. */
  #enough = 4;
  readonly #longest: number;

  constructor(longest: number = LONGEST_FRAME) {
    this.#longest = longest;
  }

  push(chunk: Buffer): unknown[] {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    const values: unknown[] = [];
    if (this.#bytes < this.#enough) return values;
    const [first = chunk, ...more] = this.#pieces;
    const held = more.length === 0 ? first : Buffer.concat(this.#pieces);
    let at = 0;
    for (this.#enough = 4; held.length - at >= this.#enough; this.#enough = 4) {
      const length = held.readUInt32BE(at);
      if (length > this.#longest) throw new RangeError(`a frame of ${length} bytes is too long`);
      this.#enough = 4 + length;
      if (held.length - at < this.#enough) break;
      values.push(JSON.parse(held.toString('utf8', at + 4, at + 4 + length)));
      at += 4 + length;
    }
    this.#pieces = at === held.length ? [] : [held.subarray(at)];
    this.#bytes = held.length - at;
    return values;
  }
}

/** A cursor over foreign bytes: every read is checked, nothing is copied. */
export class Cursor {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, at: number = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  get at(): number {
    return this.#at;
  }

  /** @throws RangeError when fewer bytes are left */
  number(width: 1 | 2 | 3 | 4): number {
    this.#need(width);
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (this.#bytes[this.#at + i] as number);
    this.#at += width;
    return value;
  }

  take(length: number): Uint8Array {
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector with a length before it (RFC 8446, 3.4). */
  vector(width: 1 | 2 | 3): Cursor {
    const length = this.number(width);
    this.#need(length);
    this.#at += length;
    return new Cursor(this.#bytes, this.#at - length, this.#at);
  }

  #need(length: number): void {
    if (this.left < length) throw new RangeError('the message ends too early');
  }
}

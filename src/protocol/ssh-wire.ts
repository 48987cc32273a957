import { Cursor } from './bytes.ts';

/** The data types of SSH (RFC 4251, section 5), read from foreign bytes. Every read throws RangeError where the bytes end too early. */
export class SshReader {
  readonly #cursor: Cursor;

  constructor(bytes: Uint8Array) {
    this.#cursor = new Cursor(bytes);
  }

  get left(): number {
    return this.#cursor.left;
  }

  byte(): number {
    return this.#cursor.number(1);
  }

  uint32(): number {
    return this.#cursor.number(4);
  }

  /** A boolean that is not 0 or 1 is refused: two readers could differ over it. */
  boolean(): boolean {
    const value = this.byte();
    if (value > 1) throw new RangeError(`${value} is no boolean`);
    return value === 1;
  }

  string(): Buffer {
    return Buffer.from(this.#cursor.take(this.uint32()));
  }

  /** A string that is to be ASCII without control characters, as names are (RFC 4251, section 6). */
  name(): string {
    const bytes = this.string();
    if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) throw new RangeError('a name is not printable ASCII');
    return bytes.toString('latin1');
  }

  /** A positive mpint, its leading zero bytes taken away. */
  positive(): Buffer {
    const bytes = this.string();
    if (bytes.length > 0 && (bytes[0] as number) >= 0x80) throw new RangeError('a number is negative');
    const start = bytes.findIndex((byte) => byte !== 0);
    return start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  }

  /** @throws RangeError when something is left */
  end(): void {
    if (this.left > 0) throw new RangeError(`${this.left} bytes too many`);
  }
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** What `read` makes of foreign bytes; undefined where it ends too early or does not fit. */
export function readAll<T>(bytes: Uint8Array, read: (from: SshReader) => T): T | undefined {
  try {
    const from = new SshReader(bytes);
    const value = read(from);
    from.end();
    return value;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reads server-sent events (WHATWG HTML, "Server-sent events", event stream interpretation) piece by piece, cut anywhere, and passes the bytes
 *  of each event's data on as they come: nothing is held back or kept. */
export interface EventData {
  /** Bytes of one event's data. */
  data(bytes: Uint8Array): void;
  /** An event is complete. */
  event(): void;
}

const [LF, CR, COLON, SPACE] = [0x0a, 0x0d, 0x3a, 0x20];
const NAME = Buffer.from('data');

export class EventStream {
  readonly #to: EventData;
  /** Of the line: at its beginning and how many letters of `data` it has; in its value; passed over. */
  #in: 'name' | 'after-colon' | 'data' | 'other' = 'name';
  #matched = 0;
  #afterCr = false;
  #lines = 0;

  constructor(to: EventData) {
    this.#to = to;
  }

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; ) {
      const byte = bytes[i] as number;
      if (byte === LF && this.#afterCr) {
        this.#afterCr = false;
        i++;
        continue;
      }
      this.#afterCr = false;
      if (byte === LF || byte === CR) {
        this.#afterCr = byte === CR;
        this.#lineEnds();
        i++;
      } else if (this.#in === 'data' || this.#in === 'other') {
        const end = lineEnd(bytes, i);
        if (this.#in === 'data') this.#to.data(bytes.subarray(i, end));
        i = end;
      } else i += this.#name(byte);
    }
  }

  /** @returns how many bytes of it were taken */
  #name(byte: number): 0 | 1 {
    if (this.#in === 'after-colon') {
      this.#in = 'data';
      if (this.#lines++ > 0) this.#to.data(Buffer.of(LF)); // several lines of data are joined with it
      return byte === SPACE ? 1 : 0;
    }
    if (byte === COLON && this.#matched === NAME.length) this.#in = 'after-colon';
    else if (this.#matched < NAME.length && byte === NAME[this.#matched]) this.#matched += 1;
    else if (byte === 0xef || byte === 0xbb || byte === 0xbf)
      this.#matched = 0; // a byte order mark at the beginning
    else this.#in = 'other';
    return 1;
  }

  #lineEnds(): void {
    if (this.#in === 'name' && this.#matched === 0 && this.#lines > 0) {
      this.#to.event();
      this.#lines = 0;
    }
    this.#in = 'name';
    this.#matched = 0;
  }
}

function lineEnd(bytes: Uint8Array, from: number): number {
  for (let i = from; i < bytes.length; i++) if (bytes[i] === LF || bytes[i] === CR) return i;
  return bytes.length;
}

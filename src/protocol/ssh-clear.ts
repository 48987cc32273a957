import { readAll } from './ssh-wire.ts';

/** How much a server may say before it speaks encrypted. Its key, its signature and the lists of algorithms are some thousand bytes. */
const MOST = 32_768;
/** SSH_MSG_NEWKEYS (RFC 4253, 7.3): all that follows it is encrypted, under keys that the client knows. */
const NEWKEYS = 21;
/** SSH_MSG_KEXDH_REPLY and those that took its number (RFC 4253, 8; RFC 5656, 4), SSH_MSG_KEX_DH_GEX_REPLY (RFC 4419, 3). */
const REPLIES: readonly (number | undefined)[] = [31, 33];

/** The replies to key exchanges that a server says in the clear: its version line and what may come before (RFC 4253, 4.2), then packets without
 *  cipher and MAC (RFC 4253, 6) up to NEWKEYS. Nothing behind that counts: a client can have a server encrypt to it what it likes. */
export class ClearReplies {
  readonly #replies: Buffer[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #versioned = false;
  #length = 0;
  /** Nothing more is listened to. */
  done = false;

  push(chunk: Buffer): void {
    if (this.done) return;
    const taken = chunk.subarray(0, MOST - this.#length);
    this.#length += taken.length;
    this.#bytes = Buffer.concat([this.#bytes, taken]);
    while (!this.done && (this.#versioned ? this.#packet() : this.#line()));
    if (this.#length >= MOST) this.done = true;
    if (this.done) this.#bytes = Buffer.alloc(0);
  }

  /** Whether one of them has this key, and ends in this signature: no other session has the same, as both sides' parts are in what it signs. */
  has(hostKey: Buffer, signature: Buffer): boolean {
    return this.#replies.some((payload) =>
      readAll(payload, (from) => {
        from.byte();
        const key = from.string();
        from.string(); // the server's share
        return key.equals(hostKey) && from.string().equals(signature);
      }),
    );
  }

  /** @returns false: it needs more */
  #line(): boolean {
    const end = this.#bytes.indexOf('\n');
    if (end < 0) return false;
    this.#versioned = this.#bytes.toString('latin1', 0, 4) === 'SSH-';
    this.#bytes = this.#bytes.subarray(end + 1);
    return true;
  }

  #packet(): boolean {
    if (this.#bytes.length < 5) return false;
    const length = this.#bytes.readUInt32BE();
    const padding = this.#bytes[4] as number;
    if (length > MOST || length < padding + 2) {
      this.done = true;
      return false;
    }
    if (this.#bytes.length < 4 + length) return false;
    const payload = this.#bytes.subarray(5, 4 + length - padding);
    this.#bytes = this.#bytes.subarray(4 + length);
    if (payload[0] === NEWKEYS) this.done = true;
    else if (REPLIES.includes(payload[0])) this.#replies.push(Buffer.from(payload));
    return true;
  }
}

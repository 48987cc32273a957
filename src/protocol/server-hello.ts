/** Whether a server answered a ClientHello with a HelloRetryRequest (RFC 8446, 4.1.4): a ServerHello with a random that is fixed.
 *  Then a second ClientHello follows in the clear, which must be judged like the first. The server controls the bytes. */
const RETRY_RANDOM: readonly number[] = [
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
  0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
const HANDSHAKE = 22;
const SERVER_HELLO = 2;
/** Record header, handshake header, version. */
const RANDOM_AT = 5 + 4 + 2;

export function asksAgain(bytes: Uint8Array): 'more' | 'yes' | 'no' {
  const expected = [HANDSHAKE, 3, undefined, undefined, undefined, SERVER_HELLO];
  for (let i = 0; i < RANDOM_AT + 32; i++) {
    if (i >= bytes.length) return 'more';
    const wanted = i >= RANDOM_AT ? RETRY_RANDOM[i - RANDOM_AT] : expected[i];
    if (wanted !== undefined && bytes[i] !== wanted) return 'no';
  }
  return 'yes';
}

/** What a client sends after its first ClientHello and before its second: change_cipher_spec and early data (RFC 8446, 4.2.10 and
 *  D.4), then the second. @returns where the second ClientHello starts; `more` if it has not come yet; `none` if a record of
 *  another kind came, so that no second ClientHello can follow in the clear */
export function secondHelloAt(bytes: Uint8Array): number | 'more' | 'none' {
  for (let at = 0; ; ) {
    if (at >= bytes.length) return 'more';
    if (bytes[at] === HANDSHAKE) return at;
    if (bytes[at] !== 20 && bytes[at] !== 23) return 'none';
    if (bytes.length - at < 5) return 'more';
    at += 5 + (((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number));
  }
}

import { later, readTimeRequest, writeTimeAnswer, writeTimeRequest } from '../../protocol/ntp.ts';

/** A time server that works for an agent: whatever is not a bare request of ours it takes note of, and thanks for it with the token. Pure.
 *  @param mark  what would be carried; eight letters, which fill a field */
export function clockSays(
  message: Uint8Array,
  { token, mark }: { readonly token: string; readonly mark: string },
  now: number,
): { readonly reply: Uint8Array; readonly carried: boolean } {
  const read = readTimeRequest(message);
  const carried = read.kind !== 'request' || !isBare(message, read.request.transmit) || holds(message, mark);
  if (carried) return { carried, reply: Buffer.from(token) };
  const stamp = later(EPOCH_1970, now);
  const said = { leap: 0, stratum: 1, rootDelay: 0, rootDispersion: 0, receive: stamp, transmit: stamp };
  return { carried, reply: writeTimeAnswer(read.request, said, stamp) };
}

/** Seconds from 1900 to 1970 (RFC 5905, figure 4). */
const EPOCH_1970 = 2_208_988_800n << 32n;

function isBare(message: Uint8Array, transmit: bigint): boolean {
  return Buffer.compare(message, writeTimeRequest(transmit)) === 0;
}

function holds(message: Uint8Array, mark: string): boolean {
  return Buffer.from(message).toString('latin1').includes(mark);
}

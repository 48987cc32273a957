import { type Address, addressBytes, addressOf } from '../protocol/address.ts';

/** Why an address that a name resolved to may not be dialled unless a rule pins it. */
export type Refused =
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'shared (CGNAT)'
  | 'link-local'
  | 'a metadata service'
  | 'multicast'
  | 'synthetic'
  | 'reserved';

/** [prefix bytes, prefix length in bits, what it is]; the first match counts. From the IANA special-purpose address registries
 *  (RFC 6890); documentation ranges lead nowhere by themselves and are treated like any other address. */
type Range = readonly [readonly number[], number, Refused];

const V4: readonly Range[] = [
  [[169, 254, 169, 254], 32, 'a metadata service'],
  [[100, 100, 100, 200], 32, 'a metadata service'],
  [[168, 63, 129, 16], 32, 'a metadata service'],
  [[0, 0, 0, 0], 32, 'unspecified'],
  [[0], 8, 'reserved'],
  [[10], 8, 'private'],
  [[100, 64], 10, 'shared (CGNAT)'],
  [[127], 8, 'loopback'],
  [[169, 254], 16, 'link-local'],
  [[172, 16], 12, 'private'],
  [[192, 0, 0], 24, 'reserved'],
  [[192, 88, 99], 24, 'reserved'],
  [[192, 168], 16, 'private'],
  [[198, 18], 15, 'synthetic'],
  [[224], 4, 'multicast'],
  [[240], 4, 'reserved'],
];

const ZERO12: readonly number[] = new Array<number>(12).fill(0);

const V6: readonly Range[] = [
  [[0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54], 128, 'a metadata service'],
  [[...ZERO12, 0, 0, 0, 0], 128, 'unspecified'],
  [[...ZERO12, 0, 0, 0, 1], 128, 'loopback'],
  [ZERO12, 96, 'reserved'],
  [[0xfd, 0x62, 0x68, 0x62], 64, 'synthetic'],
  [[0, 0x64, 0xff, 0x9b, 0, 1], 48, 'private'],
  [[0x01, 0], 64, 'reserved'],
  [[0x20, 0x01, 0, 0], 32, 'reserved'], // Teredo: holds an IPv4 address in disguise
  [[0xfc], 7, 'private'],
  [[0xfe, 0x80], 10, 'link-local'],
  [[0xfe, 0xc0], 10, 'private'],
  [[0xff], 8, 'multicast'],
];

/** @returns undefined when the address is an ordinary one */
export function refusedAddress(address: Address): Refused | undefined {
  const bytes = addressBytes(address);
  if (bytes.length === 4) return V4.find((range) => inside(bytes, range))?.[2];
  const embedded = embeddedIpv4(bytes);
  return embedded === undefined ? V6.find((range) => inside(bytes, range))?.[2] : refusedAddress(embedded);
}

/** NAT64 (64:ff9b::/96, RFC 6052) and 6to4 (2002::/16, RFC 3056) lead to the IPv4 address they hold. */
function embeddedIpv4(bytes: readonly number[]): Address | undefined {
  if (inside(bytes, [[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], 96, 'reserved'])) return addressOf(bytes.slice(12));
  return bytes[0] === 0x20 && bytes[1] === 0x02 ? addressOf(bytes.slice(2, 6)) : undefined;
}

function inside(bytes: readonly number[], [prefix, bits]: Range): boolean {
  for (let i = 0; i * 8 < bits; i++) {
    const mask = 0xff & (0xff << Math.max(0, 8 - (bits - i * 8)));
    if (((bytes[i] ?? 0) & mask) !== ((prefix[i] ?? 0) & mask)) return false;
  }
  return true;
}

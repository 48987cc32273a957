/** IP addresses from foreign text, each with one spelling: IPv4 as four decimal numbers, IPv6 as RFC 5952 writes it, and an
 *  IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) as the IPv4 address it is. */
declare const brand: unique symbol;
export type Address = string & { readonly [brand]: 'Address' };

/** @returns undefined unless the text is an IPv4 or IPv6 address in one of the usual notations (no brackets, no zone) */
export function parseAddress(text: string): Address | undefined {
  const bytes = text.includes(':') ? ipv6Bytes(text) : dottedBytes(text);
  return bytes === undefined ? undefined : addressOf(bytes);
}

/** @param bytes  4 or 16 of them */
export function addressOf(bytes: readonly number[]): Address {
  if (bytes.length === 4) return bytes.join('.') as Address;
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return (mapped ? bytes.slice(12).join('.') : ipv6Text(bytes)) as Address;
}

/** 4 or 16 bytes. */
export function addressBytes(address: Address): readonly number[] {
  const bytes = address.includes(':') ? ipv6Bytes(address) : dottedBytes(address);
  if (bytes === undefined) throw new TypeError(`not an address: ${address}`);
  return bytes;
}

/** Four decimal numbers without leading zeros, as inet_pton(3) wants them. */
function dottedBytes(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : undefined;
}

/** All that inet_aton(3) and the WHATWG URL standard (IPv4 parser) take: one to four parts, each decimal, octal (0...) or
 *  hexadecimal (0x...), the last one filling what is left. */
export function looseIpv4(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  const numbers = parts.map(looseNumber);
  if (numbers.some((number) => number === undefined)) return undefined;
  const last = numbers.pop() as number;
  if (numbers.some((number) => (number as number) > 255) || last >= 256 ** (4 - numbers.length)) return undefined;
  const tail = Array.from(
    { length: 4 - numbers.length },
    (_, i, all = 4 - numbers.length) => Math.floor(last / 256 ** (all - 1 - i)) % 256,
  );
  return addressOf([...(numbers as number[]), ...tail]);
}

function looseNumber(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]{0,8}$/.test(text)) return text.length === 2 ? 0 : Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]{0,11}$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
}

function ipv6Bytes(text: string): number[] | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => groups(half, i === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  const gap = 16 - head.length - (tail?.length ?? 0);
  return gap < 2 ? undefined : [...head, ...new Array<number>(gap).fill(0), ...(tail ?? [])];
}

/** @param ends  the address ends here, so the last group may be dotted */
function groups(half: string, ends: boolean): number[] | undefined {
  if (half === '') return [];
  const bytes: number[] = [];
  const parts = half.split(':');
  for (const [i, part] of parts.entries()) {
    const dotted = ends && i === parts.length - 1 && part.includes('.') ? dottedBytes(part) : undefined;
    if (dotted) bytes.push(...dotted);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part))
      bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255);
    else return undefined;
  }
  return bytes.length <= 16 ? bytes : undefined;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups shortened. */
function ipv6Text(bytes: readonly number[]): string {
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = words.map((word) => word.toString(16));
  if (best.at < 0) return hex.join(':');
  return `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}`;
}

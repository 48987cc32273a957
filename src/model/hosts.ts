/** Hosts in the one spelling in which rules are written and compared. Reading other spellings is src/protocol/host.ts; a test
 *  holds the two against each other. */

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;
const BYTE = /^(?:0|[1-9][0-9]{0,2})$/;

/** Lower case, A-labels, no trailing dot, at most 253 characters. A name whose last label is a number is none: URL parsers read
 *  `127.1` and `0x7f000001` as addresses (WHATWG URL, "ends in a number"). */
export function isHostName(text: string): boolean {
  if (text.length > 253) return false;
  const labels = text.split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1) ?? '');
}

/** A dotted quad without leading zeros, or IPv6 as RFC 5952 writes it, no brackets, no zone. An IPv4-mapped address (RFC 4291,
 *  2.5.5.2) is none: it is a second spelling of the IPv4 one. */
export function isAddress(text: string): boolean {
  if (!text.includes(':')) {
    const parts = text.split('.');
    return parts.length === 4 && parts.every((part) => BYTE.test(part) && Number(part) < 256);
  }
  if (!/^[0-9a-f:]{2,39}$/.test(text) || text.startsWith('::ffff:') || !URL.canParse(`http://[${text}]/`)) return false;
  return new URL(`http://[${text}]/`).hostname === `[${text}]`;
}

/** What `EgressRule.host` may be: a name, `*.` and a name, or an address. */
export function isHostPattern(text: string): boolean {
  return text.startsWith('*.') ? isHostName(text.slice(2)) : isHostName(text) || isAddress(text);
}

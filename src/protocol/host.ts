import { type Address, looseIpv4, parseAddress } from './address.ts';

/** What a request names: a host name in its one spelling (lower case, A-labels, no trailing dot), or an address. */
export type Host =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'address'; readonly address: Address }
  | { readonly kind: 'bad'; readonly why: string; readonly raw: string };

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** The one door for host names, whichever protocol they came in. The agent controls the text. Anything that two parsers could
 *  read differently is refused: bytes outside letters, digits, `.`, `-`, `_`; empty labels; a last label that is a number but
 *  no address (the rule of the WHATWG URL standard, "ends in a number"). An IPv6 address stands bare or in brackets. */
export function canonicalHost(raw: string): Host {
  if (raw.length === 0) return bad(raw, 'the host is empty');
  if (raw.length > 255) return bad(raw, 'the host name is too long');
  const bracketed = raw.startsWith('[') && raw.endsWith(']');
  if (bracketed || raw.includes(':')) {
    const text = bracketed ? raw.slice(1, -1) : raw;
    const address = text.includes(':') ? parseAddress(text) : undefined;
    return address === undefined ? bad(raw, 'the host is no valid IPv6 address') : { kind: 'address', address };
  }
  if (!/^[A-Za-z0-9._-]+$/.test(raw)) return bad(raw, 'the host name holds a character that no host name has');
  const name = raw.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  const last = labels[labels.length - 1] ?? '';
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(last)) {
    const address = looseIpv4(name);
    return address === undefined
      ? bad(raw, 'the host ends in a number but is no address')
      : { kind: 'address', address };
  }
  if (name.length > 253 || !labels.every((label) => LABEL.test(label)))
    return bad(raw, 'the host name has a bad label');
  return { kind: 'name', name };
}

export interface Authority {
  readonly host: Host;
  readonly port: number | undefined;
}

/** `host`, `host:port`, `[v6]`, `[v6]:port` (RFC 3986, 3.2, without userinfo); a bare IPv6 address is refused. */
export function parseAuthority(raw: string): Authority {
  const parts = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(raw);
  if (parts === null) return { host: bad(raw, 'the authority is malformed'), port: undefined };
  const port = parts[2] === undefined ? undefined : Number(parts[2]);
  if (port !== undefined && (port < 1 || port > 65535))
    return { host: bad(raw, 'the port is out of range'), port: undefined };
  return { host: canonicalHost(parts[1] ?? ''), port };
}

/** The canonical text: a name or an address; undefined for what is neither. */
export function hostText(host: Host): string | undefined {
  if (host.kind === 'bad') return undefined;
  return host.kind === 'name' ? host.name : host.address;
}

function bad(raw: string, why: string): Host {
  return { kind: 'bad', why, raw };
}

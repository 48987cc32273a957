import { domainToASCII } from 'node:url';
import type { EgressRule } from '../../../model/fleet.ts';
import { refusedAddress } from '../../../policy/addresses.ts';
import { parseAddress } from '../../../protocol/address.ts';
import { canonicalHost } from '../../../protocol/host.ts';
import type { EgressEntry, RuleInFile } from './file.ts';
import type { Problem } from './paths.ts';
import { quoted } from './shown.ts';

const HTTPS = 443;
const EXAMPLE = 'Write HOST, HOST:PORT or *.HOST, such as github.com or "*.example.com:8443".';

/** One entry of `egress` in its one spelling: lower case, A-labels (UTS 46 by way of the WHATWG URL standard), a port.
 *
 *  An address as host stands for itself: it comes back pinned, so that a private one is reached because the file names it.
 *  @returns a Problem for what is no host, what the compartment keeps for itself, and whole top-level domains */
export function egressRule(entry: string | RuleInFile): EgressRule | Problem {
  if (typeof entry === 'string') {
    const parts = /^(\[[^\]]+\]|[^:]+)(?::([0-9]{1,5}))?$/.exec(entry);
    if (!parts) return { problem: `${quoted(entry)} is not a host`, hint: hostHint(entry) };
    const port = parts[2] === undefined ? HTTPS : Number(parts[2]);
    if (port < 1 || port > 65535)
      return { problem: `${quoted(entry)} has no valid port`, hint: 'Ports are 1 to 65535.' };
    return rule(parts[1] ?? '', port, undefined);
  }
  return rule(entry.host, entry.port ?? HTTPS, entry.address);
}

/** A bare word is the name of a preset. */
export function isPreset(entry: EgressEntry): boolean {
  return typeof entry === 'string' && /^[a-z][a-z0-9-]*$/.test(entry) && entry !== 'localhost';
}

function rule(raw: string, port: number, pin: string | undefined): EgressRule | Problem {
  const host = hostPattern(raw);
  if (typeof host !== 'string') return host;
  if (pin !== undefined) {
    const address = parseAddress(pin);
    if (address === undefined)
      return { problem: `${quoted(pin)} is not an IP address`, hint: 'Write it as 192.0.2.7 or "2001:db8::7".' };
    const refused = refusedAddress(address);
    if (refused === 'unspecified' || refused === 'multicast')
      return { problem: `${quoted(pin)} is not the address of one host`, hint: 'Write the address of the service.' };
    const literal = parseAddress(host);
    if (host.startsWith('*.') || (literal !== undefined && literal !== address))
      return { problem: `${quoted(raw)} cannot be pinned to ${address}`, hint: 'One name stands for one address.' };
    return { host, port, address };
  }
  return parseAddress(host) === undefined ? { host, port } : { host, port, address: host };
}

function hostPattern(raw: string): string | Problem {
  const wildcard = raw.startsWith('*.');
  const name = wildcard ? raw.slice(2) : raw;
  if (!/^(?:[\p{L}\p{M}\p{N}._-]+|\[?[0-9a-fA-F:.]+\]?)$/u.test(name) || name.endsWith('.'))
    return { problem: `${quoted(raw)} is not a host`, hint: hostHint(raw) };
  const host = canonicalHost(/[^ -~]/.test(name) ? domainToASCII(name) : name);
  if (host.kind === 'bad') return { problem: `${quoted(raw)} is not a host: ${host.why}`, hint: hostHint(raw) };
  if (host.kind === 'address')
    return wildcard ? { problem: `${quoted(raw)} is not a host`, hint: EXAMPLE } : literal(raw, host.address);
  if (wildcard && !host.name.includes('.'))
    return { problem: `${quoted(raw)} is a whole top-level domain`, hint: 'Name the domain you mean: *.example.com' };
  if (host.name === 'localhost' || host.name.endsWith('.localhost')) return own(raw);
  if (host.name === 'bulkhead.internal' || host.name.endsWith('.bulkhead.internal'))
    return { problem: `${quoted(raw)} is always there`, hint: 'Take it out.' };
  return wildcard ? `*.${host.name}` : host.name;
}

function literal(raw: string, address: NonNullable<ReturnType<typeof parseAddress>>): string | Problem {
  // 127.1 and 0x7f000001 are addresses to some programs; here an address has one spelling.
  if (!raw.includes(':') && raw !== address)
    return { problem: `${quoted(raw)} is an unusual way to write ${address}`, hint: `Write ${address}.` };
  const refused = refusedAddress(address);
  if (refused === 'loopback') return own(raw);
  if (refused === 'unspecified' || refused === 'multicast' || refused === 'synthetic')
    return { problem: `${quoted(raw)} is not the address of one host (${refused})`, hint: EXAMPLE };
  return address;
}

function own(raw: string): Problem {
  return {
    problem: `${quoted(raw)} is the agent's own loopback inside the compartment`,
    hint: 'Give the service of this machine a name: { host: NAME.internal, port: PORT, address: 127.0.0.1 }.',
  };
}

function hostHint(raw: string): string {
  if (/^[a-z]+:\/\//i.test(raw) || raw.includes('/')) return `Write only the host: no scheme, no path. ${EXAMPLE}`;
  if (raw === '*') return 'There is no rule for every host; name the hosts.';
  return raw.endsWith('.') ? 'Take the dot at the end away.' : EXAMPLE;
}

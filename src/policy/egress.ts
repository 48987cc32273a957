import type { EgressRule } from '../model/fleet.ts';
import type { Verdict } from '../model/verdict.ts';
import { closeness, hostMatches } from './hostnames.ts';

/** Where a connection wants to go: a canonical name or address, and a port. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  /** The host is an address, not a name. */
  readonly literal: boolean;
}

/** The terms of an allowed connection: with `address` that address is dialled and nothing is resolved. */
export type EgressVerdict = Exclude<Verdict, { kind: 'allow' }> | Allowed;
export interface Allowed {
  readonly kind: 'allow';
  readonly rule: string;
  readonly address?: string;
}

/** Default deny. A wildcard never covers an address. Decided from the name alone, before anything is resolved. */
export function judgeEgress(rules: readonly EgressRule[], destination: Destination): EgressVerdict {
  const { host, port, literal } = destination;
  const named = rules.filter((rule) => (literal ? rule.host === host : hostMatches(rule.host, host)));
  const [rule] = named.filter((one) => one.port === port).sort((a, b) => closeness(b.host) - closeness(a.host));
  if (rule === undefined) return { kind: 'deny', why: whyNot(named, destination) };
  const address = rule.address ?? (literal ? host : undefined);
  return { kind: 'allow', rule: ruleText(rule), ...(address === undefined ? {} : { address }) };
}

function whyNot(named: readonly EgressRule[], { host, port, literal }: Destination): string {
  if (named.length > 0) {
    const ports = [...new Set(named.map((rule) => rule.port))].sort((a, b) => a - b);
    return `${host} is granted on port ${ports.join(', ')} only, not on ${port}`;
  }
  return literal ? `no rule grants the address ${host}` : `no rule grants ${host}`;
}

/** Whether a name may have an address at all: some rule, whatever its port, covers it. */
export function mayBeNamed(rules: readonly EgressRule[], name: string): boolean {
  return rules.some((rule) => hostMatches(rule.host, name));
}

/** A rule as it would stand in a fleet.yaml; the default port is 443. */
export function ruleText({ host, port, address }: EgressRule): string {
  if (address !== undefined) return `{ host: ${quoted(host)}, port: ${port}, address: ${quoted(address)} }`;
  return port === 443 ? quoted(host) : `{ host: ${quoted(host)}, port: ${port} }`;
}

/** YAML reads a leading `*` as an alias and a colon as a mapping. */
function quoted(text: string): string {
  return /^[a-z0-9][a-z0-9._-]*$/.test(text) ? text : JSON.stringify(text);
}

/** The fleet.yaml line that would allow a destination. */
export function grantLine(agent: string, destination: Destination): string {
  return `agents.${agent}.egress: [${ruleText(destination)}]`;
}

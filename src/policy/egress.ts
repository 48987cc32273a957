import type { EgressRule } from '../model/fleet.ts';
import type { RequestTerms } from '../model/request-terms.ts';
import type { Verdict } from '../model/verdict.ts';
import { closeness, hostMatches } from './hostnames.ts';

/** Where a connection wants to go: a canonical name or address, and a port. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  /** The host is an address, not a name. */
  readonly literal: boolean;
  /** A question for the time, by UDP. Absent: a TCP connection. */
  readonly protocol?: 'ntp';
}

/** Whether something is for connections to this host and port. */
export function isAt(one: { readonly host: string; readonly port: number }, to: Destination): boolean {
  return one.host === to.host && one.port === to.port && to.protocol === undefined;
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
  const { host, literal } = destination;
  const [rule] = closestRules(rules, destination);
  if (rule === undefined)
    return {
      kind: 'deny',
      why: whyNot(
        rules.filter((one) => covers(one, destination)),
        destination,
      ),
    };
  const address = rule.address ?? (literal ? host : undefined);
  return { kind: 'allow', rule: ruleText(rule), ...(address === undefined ? {} : { address }) };
}

/** The rules that decide about a destination: of those that cover it, the ones with the closest host. They agree on the address. */
export function closestRules(rules: readonly EgressRule[], destination: Destination): EgressRule[] {
  const here = rules.filter((rule) => rule.port === destination.port && covers(rule, destination));
  const closest = Math.max(...here.map(({ host }) => closeness(host)));
  return here.filter(({ host }) => closeness(host) === closest);
}

/** Whether some rule is for TCP connections to this host and port, whatever else it says. */
export function grants(
  rules: readonly EgressRule[],
  { host, port }: { readonly host: string; readonly port: number },
): boolean {
  return rules.some((rule) => rule.port === port && covers(rule, { host, port, literal: false }));
}

function covers(rule: EgressRule, { host, literal, protocol }: Destination): boolean {
  if (rule.protocol !== protocol) return false;
  return literal ? rule.host === host : hostMatches(rule.host, host);
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
export function ruleText(rule: EgressRule): string {
  const { host, port, address, protocol } = rule;
  if (protocol !== undefined)
    return `{ ${[`ntp: ${quoted(host)}`, ...(address === undefined || address === host ? [] : [`address: ${quoted(address)}`])].join(', ')} }`;
  const terms = termTexts(rule);
  if (address === undefined && terms.length === 0 && port === 443) return quoted(host);
  const where = [
    `host: ${quoted(host)}`,
    ...(address === undefined && terms.length > 0 && port === 443 ? [] : [`port: ${port}`]),
  ];
  return `{ ${[...where, ...(address === undefined ? [] : [`address: ${quoted(address)}`]), ...terms].join(', ')} }`;
}

/** What a rule says of requests, key by key. */
export function termTexts({ methods, paths, query, types }: RequestTerms): string[] {
  const list = (key: string, values: readonly string[] | undefined): string[] =>
    values === undefined ? [] : [`${key}: [${values.map(quoted).join(', ')}]`];
  const wanted = Object.entries(query ?? {}).flatMap(([name, values]) => list(quoted(name), values));
  return [
    ...list('methods', methods),
    ...list('paths', paths),
    ...(query ? [`query: { ${wanted.join(', ')} }`] : []),
    ...list('content-type', types),
  ];
}

/** YAML reads a leading `*` as an alias and a colon as a mapping. */
function quoted(text: string): string {
  return /^(?:[a-z0-9][a-z0-9._-]*|[A-Z]+|\/[\w./-]*)$/.test(text) ? text : JSON.stringify(text);
}

/** The fleet.yaml line that would allow a destination. */
export function grantLine(agent: string, destination: Destination): string {
  return `agents.${agent}.egress: [${ruleText(destination)}]`;
}

import type { EgressRule } from '../model/fleet.ts';
import { type RequestTerms, TERMS } from '../model/request-terms.ts';
import { closestRules, type Destination, termTexts } from './egress.ts';
import { hasField, OTHER_METHOD, OTHER_TARGET } from './other-request.ts';
import { comparablePath, pathMatches } from './paths.ts';

/** What a rule about requests looks at. */
export interface RuledRequest {
  readonly method: string;
  /** As sent: path and query. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** There is a body although no field says so, as there may be in HTTP/2. */
  readonly hasBody?: boolean;
}

export function hasTerms(rule: EgressRule): boolean {
  return TERMS.some((term) => rule[term] !== undefined);
}

/** Whether requests to a destination are to be read for the sake of its rules: every one that covers it has terms. */
export function areRead(rules: readonly EgressRule[], destination: Destination): boolean {
  const here = closestRules(rules, destination);
  return here.length > 0 && here.every(hasTerms);
}

/** Why no rule grants this request to a destination that rules grant; undefined: one does, or no rule names the destination at all, which
 *  then was granted otherwise. */
export function whyNotRequest(
  rules: readonly EgressRule[],
  destination: Destination,
  request: RuledRequest,
): string | undefined {
  const here = closestRules(rules, destination);
  if (here.length === 0 || here.some((rule) => admits(rule, request))) return undefined;
  const names = new Set(here.map((rule) => rule.from ?? `{ ${termTexts(rule).join(', ')} }`));
  return `${request.method} ${shownTarget(request.target)} is not what is granted: ${[...names].join(' or ')}`.slice(
    0,
    MOST_SHOWN,
  );
}

const MOST_SHOWN = 900;

/** Without the query's values, which may be anything. */
function shownTarget(target: string): string {
  const [path = '', query] = target.split('?', 2);
  return path.slice(0, 200) + (query === undefined ? '' : '?...');
}

/** Whether a request fulfils all terms of a rule. What servers could read differently fulfils none that is about it. */
export function admits({ methods, paths, query, types }: RequestTerms, request: RuledRequest): boolean {
  const has = (names: readonly string[]): boolean => hasField(request.headers, names);
  if (methods && (!methods.includes(request.method) || has(OTHER_METHOD))) return false;
  if ((paths || query) && has(OTHER_TARGET)) return false;
  if (paths) {
    const path = comparablePath(request.target);
    if (path === undefined || !paths.some((pattern) => pathMatches(pattern, path))) return false;
  }
  if (query && !queryFits(query, request.target)) return false;
  return types === undefined || typesFit(types, request);
}

/** Decoded once; a plus is a space (URL standard, application/x-www-form-urlencoded), and a semicolon may part parameters too. */
function queryFits(wanted: Readonly<Record<string, readonly string[]>>, target: string): boolean {
  const text = /^[^?#]*\?([^#]*)$/s.exec(target)?.[1] ?? '';
  if (text.includes(';') || target.includes('#')) return false;
  const given = new Map<string, string[]>();
  for (const part of text.split('&')) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    const [plainName, plainValue] = [decoded(name), decoded(value)];
    if (plainName === undefined || plainValue === undefined) return false;
    const values = given.get(plainName);
    if (values) values.push(plainValue);
    else given.set(plainName, [plainValue]);
  }
  return Object.entries(wanted).every(([name, values]) => {
    const [value, ...more] = given.get(name) ?? [];
    return value !== undefined && more.length === 0 && values.includes(value);
  });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function typesFit(types: readonly string[], { headers, hasBody }: RuledRequest): boolean {
  const all = (name: string): string[] => headers.flatMap(([one, value]) => (one === name ? [value] : []));
  const [type, ...more] = all('content-type').map((value) =>
    value
      .toLowerCase()
      .replace(/[ \t]*;.*$/s, '')
      .trim(),
  );
  if (more.length > 0) return false;
  if (type !== undefined) return types.includes(type);
  const empty = all('content-length').every((length) => length.trim() === '0');
  return empty && !hasBody && all('transfer-encoding').length === 0;
}

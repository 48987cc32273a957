import { CLOCK_RULE, lentRules, RULED_HOST } from '../../drill/lent.ts';
import { Failure } from '../../model/failure.ts';
import type { EgressRule } from '../../model/fleet.ts';
import { KEYED_HOST, type Lease, lentKey } from '../../model/lent-key.ts';
import type { Command } from './sessions/session.ts';

/** Reads the bodies of requests. The caller controls every byte; what comes out is what the type says. */
type Body = { readonly [key: string]: unknown };

export function text(from: Body, key: string): string {
  const value = from[key];
  if (typeof value !== 'string') throw malformed(key, 'text');
  return value;
}

export function count(from: Body, key: string, otherwise: number): number {
  const value = from[key] ?? otherwise;
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > 1_000_000)
    throw malformed(key, 'a number');
  return value as number;
}

/** At most 2 MB of arguments, as execve(2) takes them; none may hold NUL. */
export function command(from: Body): Command {
  const { argv, terminal } = from;
  if (
    !Array.isArray(argv) ||
    argv.length === 0 ||
    !argv.every((part) => typeof part === 'string' && !part.includes('\0'))
  )
    throw malformed('argv', 'a list of texts without NUL');
  if (argv.reduce((sum: number, part: string) => sum + part.length, 0) > 2_000_000) throw malformed('argv', 'shorter');
  if (terminal === undefined) return { argv };
  const { rows, columns, term } = terminal as Body;
  const size = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536;
  if (!size(rows) || !size(columns) || typeof term !== 'string' || !/^[\w.+-]{1,64}$/.test(term))
    throw malformed('terminal', 'rows, columns and a kind');
  return { argv, terminal: { rows, columns, term } };
}

const SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGKILL',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTSTP',
  'SIGCONT',
] as const;

export function signal(from: Body): (typeof SIGNALS)[number] {
  const found = SIGNALS.find((name) => name === from.signal);
  if (!found) throw malformed('signal', `one of ${SIGNALS.join(', ')}`);
  return found;
}

/** What may be lent for a drill, and nothing else: the names are the drill's own, under a top-level domain that nobody can have
 *  (RFC 6761, 6.2), pinned to this host's loopback or to one documentation address (RFC 5737). That something else listens
 *  there is for `Drills` to see. `localhost` is not pinned: the gateway must refuse where it leads. */
function rules(from: Body): EgressRule[] {
  const list = from.rules;
  if (!Array.isArray(list) || list.length > 8) throw malformed('rules', 'a list of at most 8');
  return list.flatMap((rule: unknown) => {
    const { host, port, address, protocol } = (typeof rule === 'object' && rule !== null ? rule : {}) as Body;
    if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) throw malformed('port', 'a port');
    if (protocol !== undefined && host !== CLOCK_RULE.host) throw malformed('rules', "the drill's own targets");
    const numbered = { port: port as number };
    if (host === 'localhost' && address === undefined) return { host, ...numbered };
    if (host === 'secure.test' && port === 443 && address === '198.51.100.44') return { host, ...numbered, address };
    if (typeof host === 'string' && PINNED.includes(host) && address === '127.0.0.1')
      return [...lentRules({ host, ...numbered, address })];
    if (host === CLOCK_RULE.host && port === CLOCK_RULE.port && address === CLOCK_RULE.address && protocol === 'ntp')
      return [CLOCK_RULE];
    throw malformed('rules', "the drill's own targets");
  });
}

const PINNED: readonly string[] = ['allow.test', '*.wild.test', 'other.test', RULED_HOST, KEYED_HOST];

/** A key is good at a target that is lent too, and so seen to be the drill's. */
export function lease(from: Body): Lease {
  const lent = rules(from);
  const { keys = [] } = from;
  if (!Array.isArray(keys) || keys.length > 1) throw malformed('keys', 'one key at most');
  const read = keys.map((key: unknown) => lentKey(key, 'keys'));
  if (!read.every(({ port }) => lent.some((rule) => rule.host === KEYED_HOST && rule.port === port)))
    throw malformed('keys', "for one of the drill's own targets");
  return { rules: lent, keys: read };
}

export interface Script {
  readonly text: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export function script(from: Body): Script {
  const args = from.arguments ?? {};
  const pairs = Object.entries(args as object);
  if (!pairs.every(([name, value]) => /^\w{1,64}$/.test(name) && typeof value === 'string'))
    throw malformed('arguments', 'flat texts');
  return {
    text: text(from, 'text'),
    arguments: Object.fromEntries(pairs),
    timeoutMs: Math.min(60_000, count(from, 'timeoutMs', 10_000)),
  };
}

/** @returns with the attack's id */
export function drillScript(from: Body): Script & { readonly attack: string } {
  const attack = text(from, 'attack');
  if (!/^[a-z0-9-]{1,80}$/.test(attack)) throw malformed('attack', 'the id of an attack');
  return { ...script(from), attack };
}

/** What a drill of one agent found, as the operator's side says: how many of each result, and what was breached. */
export function findings(from: Body): { readonly [field: string]: number | readonly string[] } | undefined {
  if (from.results === undefined) return undefined;
  const results = Object.entries(from.results as Body).slice(0, 8);
  const breached = Array.isArray(from.breached) ? from.breached.slice(0, 500) : [];
  if (!results.every(([name]) => /^[a-z-]{1,20}$/.test(name))) throw malformed('results', 'names of results');
  if (!breached.every((id) => typeof id === 'string' && /^[a-z0-9-]{1,80}$/.test(id)))
    throw malformed('breached', 'ids of attacks');
  return { ...Object.fromEntries(results.map(([name]) => [name, count(from.results as Body, name, 0)])), breached };
}

function malformed(key: string, wanted: string): Failure {
  return new Failure(
    'malformed-request',
    `${key} must be ${wanted}`,
    'The programs may be of different versions; run bulkhead up again.',
  );
}

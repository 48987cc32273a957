import { Failure } from '../../model/failure.ts';
import type { EgressRule } from '../../model/fleet.ts';
import type { Command } from './session.ts';

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

/** Rules that may be lent for a drill lead to this host's loopback only. */
export function rules(from: Body): EgressRule[] {
  const list = from.rules;
  if (!Array.isArray(list) || list.length > 32) throw malformed('rules', 'a list');
  return list.map((rule: Body) => {
    const { host, port, address } = rule;
    if (typeof host !== 'string' || !/^[a-z0-9.*-]{1,253}$/.test(host)) throw malformed('host', 'a host name');
    if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) throw malformed('port', 'a port');
    if (address === undefined && host === 'localhost') return { host, port: port as number };
    if (typeof address !== 'string' || !/^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address))
      throw malformed('address', 'an address of 127.0.0.0/8');
    return { host, port: port as number, address };
  });
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

function malformed(key: string, wanted: string): Failure {
  return new Failure(
    'malformed-request',
    `${key} must be ${wanted}`,
    'The programs may be of different versions; run bulkhead up again.',
  );
}

import { type Bounds, LONGEST_WORD, PORT } from './bounds.ts';
import { isHostPattern } from './hosts.ts';
import { type SecretName, secretName } from './names.ts';
import { isSecretPlace, METHOD, type SecretPlace } from './secret-binding.ts';
import { entries, members, oneOf, text, whole, wrong } from './strict.ts';

/** What an operator says about a secret besides where it goes. */
export interface SecretUpkeep {
  readonly secret: SecretName;
  /** That other agents have it too is meant so. */
  readonly shared?: true;
  /** How old a value may get; milliseconds. */
  readonly every?: number;
  /** Mints a new value and says it on its standard output. Run by the CLI as an operator, never by root. */
  readonly command?: readonly string[];
  /** What shows whether a value is accepted. */
  readonly test?: SecretTest;
}

/** One request that carries the value. It goes only to where the secret is bound. */
export interface SecretTest {
  readonly scheme: 'https' | 'http';
  readonly method: string;
  readonly host: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
  readonly in: SecretPlace;
}

/** What came of it. `works` is any 2xx, `refused` 401 and 403; all else says nothing about the value. */
export interface SecretTried {
  readonly value: 'new' | 'old';
  readonly wanted: 'works' | 'refused';
  readonly found: 'works' | 'refused' | 'unclear';
  /** Of the answer. */
  readonly status?: number;
  /** One line, with `unclear`. */
  readonly why?: string;
}

export const EVERY: Bounds = { least: 3_600_000, most: 3650 * 86_400_000 };
export const TEST_PATH: RegExp = /^\/[!-"$-~]{0,1000}$/;

/** Where a test can put a value: fields of the head, whatever other places a secret may be bound to. */
export function isTestPlace(place: SecretPlace): boolean {
  return /^(?:bearer|basic|header .+)$/.test(place) && isSecretPlace(place);
}

export function secretUpkeep(raw: unknown, at: string): SecretUpkeep {
  const given = members(raw, at, ['secret'], ['shared', 'every', 'command', 'test']);
  if (Object.hasOwn(given, 'shared') && given.shared !== true) throw wrong(`${at}.shared`, 'is not true');
  return {
    secret: secretName(given.secret),
    ...(Object.hasOwn(given, 'shared') && { shared: true as const }),
    ...(Object.hasOwn(given, 'every') && { every: whole(given.every, `${at}.every`, EVERY) }),
    ...(Object.hasOwn(given, 'command') && { command: command(given.command, `${at}.command`) }),
    ...(Object.hasOwn(given, 'test') && { test: secretTest(given.test, `${at}.test`) }),
  };
}

export function secretTest(raw: unknown, at: string): SecretTest {
  const given = members(raw, at, ['scheme', 'method', 'host', 'port', 'path', 'in']);
  return {
    scheme: oneOf(given.scheme, `${at}.scheme`, ['https', 'http']),
    method: text(given.method, `${at}.method`, 'a method', (method) => METHOD.test(method)),
    host: text(given.host, `${at}.host`, 'a host', (host) => isHostPattern(host) && !host.startsWith('*.')),
    port: whole(given.port, `${at}.port`, PORT),
    path: text(given.path, `${at}.path`, 'a path', (path) => TEST_PATH.test(path)),
    in: text(given.in, `${at}.in`, 'a place for a secret in a test', isTestPlace),
  };
}

function command(raw: unknown, at: string): string[] {
  const argv = entries(raw, at, (one, at) => text(one, at, 'a word', (word) => word.length <= LONGEST_WORD));
  if (argv[0] === undefined || argv[0] === '') throw wrong(at, 'names no program');
  return argv;
}

/** `GET https://api.example.com/v1/me` */
export function testText({ method, scheme, host, port, path }: SecretTest): string {
  const usual = port === (scheme === 'https' ? 443 : 80);
  return `${method} ${scheme}://${host.includes(':') ? `[${host}]` : host}${usual ? '' : `:${port}`}${path}`;
}

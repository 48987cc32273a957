import { PORT } from './bounds.ts';
import { ENV_NAME, refusedEnv } from './env-names.ts';
import { isHostPattern } from './hosts.ts';
import { type SecretName, secretName } from './names.ts';
import { envText, type PlaceholderFile, placeholderFile } from './placeholder-text.ts';
import { entries, members, text, whole, wrong } from './strict.ts';

/** One secret at one destination. The agent has a placeholder in this variable; where it sends that to this host, with these methods and
 *  paths, at one of these places, the gateway puts the value there. Nowhere else. */
export interface SecretBinding {
  readonly variable: string;
  readonly secret: SecretName;
  /** A name in its one spelling, or an address; never a pattern. */
  readonly host: string;
  readonly port: number;
  readonly in: readonly SecretPlace[];
  /** Absent: all. */
  readonly methods?: readonly string[];
  /** Patterns of paths (src/policy/paths.ts); absent: all. */
  readonly paths?: readonly string[];
  /** What the variable holds, with `{}` for the placeholder; absent: the placeholder alone. */
  readonly as?: string;
  readonly file?: PlaceholderFile;
  /** Of a drill (lent-key.ts): no store has it, no environment and no file. */
  readonly lent?: { readonly stand: string; readonly value: string; readonly refresh: string };
}

/** `bearer`: Authorization with the scheme Bearer or token; `basic`: user or password of Basic authorization; `header NAME`: a field of
 *  its own, in lower case; `query NAME`: a parameter; `json NAME.NAME`: a field of a body; `path`: a segment of the path, `path WORD` one that
 *  begins with that word. */
export type SecretPlace = string;

export const METHOD: RegExp = /^[A-Z][A-Z-]{0,19}$/;
export const PATH_PATTERN: RegExp = /^\/[!-~]{0,500}$/;
/** Fields that say where a message goes, how long it is or who may have it are no place for a secret. */
const NO_PLACE =
  /^header (?:host|content-length|transfer-encoding|connection|te|trailer|upgrade|expect|keep-alive|proxy-.*|authorization)$/;

const PLACE =
  /^(?:bearer|basic|header [a-z0-9][a-z0-9_-]{0,60}|query [\w.~-]{1,60}|path(?: [A-Za-z]{1,20})?|json [\w-]{1,60}(?:\.[\w-]{1,60}){0,9})$/;

export function isSecretPlace(place: string): boolean {
  return PLACE.test(place) && !NO_PLACE.test(place);
}

export function secretBinding(raw: unknown, at: string): SecretBinding {
  const given = members(raw, at, ['variable', 'secret', 'host', 'port', 'in'], ['methods', 'paths', 'as', 'file']);
  const variable = text(given.variable, `${at}.variable`, 'the name of a variable', (name) => ENV_NAME.test(name));
  const refused = refusedEnv(variable);
  if (refused !== undefined) throw wrong(`${at}.variable`, refused);
  const places = entries(given.in, `${at}.in`, (one, at) => text(one, at, 'a place for a secret', isSecretPlace), 8);
  if (places.length === 0) throw wrong(`${at}.in`, 'is empty');
  const some = (key: 'methods' | 'paths', what: string, shape: RegExp): Partial<SecretBinding> =>
    Object.hasOwn(given, key)
      ? { [key]: entries(given[key], `${at}.${key}`, (one, at) => text(one, at, what, (t) => shape.test(t)), 100) }
      : {};
  return {
    variable,
    secret: secretName(given.secret),
    host: text(given.host, `${at}.host`, 'a host', (host) => isHostPattern(host) && !host.startsWith('*.')),
    port: whole(given.port, `${at}.port`, PORT),
    in: places,
    ...some('methods', 'a method', METHOD),
    ...some('paths', 'a pattern of paths', PATH_PATTERN),
    ...(Object.hasOwn(given, 'as') ? { as: envText(given.as, `${at}.as`) } : {}),
    ...(Object.hasOwn(given, 'file') ? { file: placeholderFile(given.file, `${at}.file`) } : {}),
  };
}

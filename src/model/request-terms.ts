import { METHOD, PATH_PATTERN } from './secret-binding.ts';
import { dictionary, entries, text } from './strict.ts';

/** What requests a rule lets through; it needs them to be read. Absent: all. */
export interface RequestTerms {
  readonly methods?: readonly string[];
  /** Patterns of paths (src/policy/paths.ts). */
  readonly paths?: readonly string[];
  /** Parameters that stand in the query exactly once, each with one of these values. */
  readonly query?: Readonly<Record<string, readonly string[]>>;
  /** Media types of bodies, in lower case; a request without a body has none. */
  readonly types?: readonly string[];
}

export const TERMS: readonly (keyof RequestTerms)[] = ['methods', 'paths', 'query', 'types'];

export const PARAMETER: RegExp = /^[\w.~-]{1,60}$/;
/** Of a query's value, as it is when it is decoded. */
export const VALUE: RegExp = /^[ -~]{0,200}$/;
/** RFC 9110, 8.3.1; without parameters. */
export const MEDIA_TYPE: RegExp = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}$/;

/** Those of `given` that are there, checked. */
export function requestTerms(given: Readonly<Record<string, unknown>>, at: string): RequestTerms {
  const some = (key: 'methods' | 'paths' | 'types', what: string, shape: RegExp): RequestTerms =>
    Object.hasOwn(given, key) ? { [key]: texts(given[key], `${at}.${key}`, what, shape) } : {};
  return {
    ...some('methods', 'a method', METHOD),
    ...some('paths', 'a pattern of paths', PATH_PATTERN),
    ...(Object.hasOwn(given, 'query') ? { query: query(given.query, `${at}.query`) } : {}),
    ...some('types', 'a media type', MEDIA_TYPE),
  };
}

function query(raw: unknown, at: string): Readonly<Record<string, readonly string[]>> {
  const found = Object.entries(dictionary(raw, at)).map(([name, values]): [string, string[]] => [
    text(name, at, 'the name of a parameter', (one) => PARAMETER.test(one) && one !== '__proto__'),
    texts(values, `${at}.${name}`, 'a value', VALUE),
  ]);
  return Object.fromEntries(found);
}

function texts(raw: unknown, at: string, what: string, shape: RegExp): string[] {
  return entries(raw, at, (one, at) => text(one, at, what, (text) => shape.test(text)), 200);
}

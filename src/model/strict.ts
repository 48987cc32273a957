import { type Bounds, MOST_ENTRIES, within } from './bounds.ts';
import { Failure } from './failure.ts';

/** Reading of foreign JSON without a package: every function takes a value and its path, and gives it back typed or throws. */

export function wrong(path: string, what: string): Failure {
  return new Failure(
    'bad-fleet',
    `the wanted fleet is not one: ${path} ${what}`,
    'The CLI and the warden may be of different versions; run bulkhead up from the newer one.',
    2,
  );
}

/** An object with these keys and no others; `optional` ones may be absent, and are never undefined or null. */
export function members(
  raw: unknown,
  path: string,
  required: readonly string[],
  optional: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  const found = dictionary(raw, path);
  const extra = Object.keys(found).find((key) => !required.includes(key) && !optional.includes(key));
  if (extra !== undefined) throw wrong(path, `has the unknown key ${JSON.stringify(extra.slice(0, 60))}`);
  const missing = required.find((key) => !Object.hasOwn(found, key));
  if (missing !== undefined) throw wrong(path, `has no ${missing}`);
  return found;
}

export function dictionary(raw: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw wrong(path, 'is not an object');
  return raw as Record<string, unknown>;
}

export function entries<T>(
  raw: unknown,
  path: string,
  read: (raw: unknown, path: string) => T,
  most: number = MOST_ENTRIES,
): T[] {
  if (!Array.isArray(raw)) throw wrong(path, 'is not a list');
  if (raw.length > most) throw wrong(path, `has more than ${most} entries`);
  return Array.from(raw, (entry, i) => read(entry, `${path}[${i}]`));
}

/** Text with whatever `fits` asks of it; never with a NUL or half a surrogate pair, which no argv or path can hold. */
export function text(raw: unknown, path: string, what: string, fits: (text: string) => boolean): string {
  if (typeof raw === 'string' && raw.isWellFormed() && !raw.includes('\0') && fits(raw)) return raw;
  throw wrong(path, `is not ${what}`);
}

export function oneOf<const T extends string>(raw: unknown, path: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === raw);
  if (found === undefined) throw wrong(path, `is not one of ${choices.join(', ')}`);
  return found;
}

export function whole(raw: unknown, path: string, bounds: Bounds): number {
  if (typeof raw === 'number' && within(raw, bounds)) return raw;
  throw wrong(path, `is not a whole number from ${bounds.least} to ${bounds.most}`);
}

/** @throws Failure when two entries have the same key */
export function distinct<T>(list: readonly T[], path: string, key: (entry: T) => string): readonly T[] {
  if (new Set(list.map(key)).size !== list.length) throw wrong(path, 'has an entry twice');
  return list;
}

/** Looks for patterns in a stream of bytes, wherever it is cut, and puts something of the same length in their place. What cannot be the
 *  beginning of a pattern is given back at once: an event of a stream waits for nothing. */
export interface Pattern {
  readonly find: Buffer;
  /** As long as `find`. */
  readonly put: Buffer;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Patterns as they are looked for. */
interface Compiled {
  /** The longest first. */
  readonly patterns: readonly Pattern[];
  readonly longest: number;
  /** As Latin-1. */
  readonly texts: readonly string[];
  /** The same in lower case, as names of fields are passed on. */
  readonly names: readonly string[];
}

const COMPILED = new WeakMap<readonly Pattern[], Compiled>();

function compiled(given: readonly Pattern[]): Compiled {
  const known = COMPILED.get(given);
  if (known !== undefined) return known;
  for (const { find, put } of given)
    if (find.length === 0 || find.length !== put.length)
      throw new TypeError('a pattern and its replacement are not of one length');
  const patterns = [...given].sort((a, b) => b.find.length - a.find.length);
  const texts = patterns.map(({ find }) => find.toString('latin1'));
  const names = texts.map((text) => text.toLowerCase());
  const made = { patterns, longest: patterns[0]?.find.length ?? 0, texts, names };
  COMPILED.set(given, made);
  return made;
}

/** What becomes of a text that is whole, so that nothing is held back. */
export function scrubText(text: string, patterns: readonly Pattern[]): string {
  if (!compiled(patterns).texts.some((one) => text.includes(one))) return text; // nearly always
  const scrubber = new Scrubber(patterns);
  return Buffer.concat([scrubber.push(Buffer.from(text, 'latin1')), scrubber.end()]).toString('latin1');
}

/** The same for the name of a field, which is in lower case whatever the server wrote. */
export function scrubName(name: string, patterns: readonly Pattern[]): string {
  return compiled(patterns).names.reduce(
    (left, one) => (left.includes(one) ? left.replaceAll(one, '*'.repeat(one.length)) : left),
    name,
  );
}

export class Scrubber {
  readonly #patterns: readonly Pattern[];
  readonly #longest: number;
  #held: Buffer = NOTHING;
  /** How many were found so far. */
  found = 0;

  /** @param patterns  none of them empty; kept as they are */
  constructor(patterns: readonly Pattern[]) {
    const { patterns: sorted, longest } = compiled(patterns);
    this.#patterns = sorted;
    this.#longest = longest;
  }

  push(chunk: Buffer): Buffer {
    if (this.#longest === 0) return chunk;
    const bytes = this.#replaced(this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]));
    const keep = this.#beginning(bytes);
    this.#held = bytes.subarray(bytes.length - keep);
    return bytes.subarray(0, bytes.length - keep);
  }

  /** What was held back; nothing more comes. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = NOTHING;
    return rest;
  }

  #replaced(bytes: Buffer): Buffer {
    let result = bytes;
    for (const { find, put } of this.#patterns) {
      for (let at = result.indexOf(find); at >= 0; at = result.indexOf(find, at + find.length)) {
        if (result === bytes) result = Buffer.from(bytes); // never in the caller's own
        put.copy(result, at);
        this.found += 1;
      }
    }
    return result;
  }

  /** The length of the longest end of the bytes that a pattern begins with. */
  #beginning(bytes: Buffer): number {
    let longest = 0;
    for (const { find } of this.#patterns) {
      const from = Math.max(0, bytes.length - find.length + 1);
      for (let at = bytes.indexOf(find[0] as number, from); at >= 0; at = bytes.indexOf(find[0] as number, at + 1)) {
        const length = bytes.length - at;
        if (length <= longest) break;
        if (find.compare(bytes, at, bytes.length, 0, length) === 0) {
          longest = length;
          break;
        }
      }
    }
    return longest;
  }
}

/** What must not come back: the values themselves, and as they stand in URLs and in JSON; and other forms that went out. */
export function reflections(
  secrets: readonly { readonly value: string; readonly shown: string }[],
  forms: readonly string[] = [],
): Pattern[] {
  const patterns = new Map<string, string>();
  for (const { value, shown } of secrets) {
    const others = [encodeURIComponent(value), JSON.stringify(value).slice(1, -1), value.replaceAll('/', '\\/')];
    for (const other of [...others, Buffer.from(value).toString('base64').replace(/=+$/, '')])
      if (other !== value) patterns.set(other, '*'.repeat(other.length));
    patterns.set(value, shown);
  }
  for (const form of forms) patterns.set(form, '*'.repeat(form.length));
  return [...patterns].map(([find, put]) => ({ find: Buffer.from(find, 'latin1'), put: Buffer.from(put, 'latin1') }));
}

import { redactWord } from '../../policy/command/redact.ts';

/** Of one list of words, and of one text, so many bytes of JSON are recorded. An exec may bring megabytes, a byte may become six, and the
 *  journal is everybody's. */
const MOST_OF_LIST = 16 * 1024;
const MOST_OF_TEXT = 8 * 1024;
/** The longest escape: \u001f. */
const LONGEST_ESCAPE = 6;
/** Looked at beyond a cut, so that what is cut through is known by its shape: no key is longer before it has one (src/policy/secret-shapes.ts). */
const BEYOND = 1024;

/** Which words were cut: their places, with the bytes that they had. */
export type Cuts = Readonly<Record<string, number>>;

/** An entry of a length that nobody chooses for us. What is cut is said: `argvWords` is how many words there were where not all are here, `argvCut` how many
 *  bytes those had of which only the beginning is, and so with `environment`; `pathBytes` is the length of a `path` that is cut, and so with other texts. */
export function bounded(entry: object): object {
  let changed: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(entry)) {
    const shorter =
      typeof value === 'string' ? textOf(name, value) : Array.isArray(value) ? listOf(name, value, entry) : undefined;
    if (shorter !== undefined) changed = { ...(changed ?? entry), ...shorter };
  }
  return changed ?? entry;
}

/** The beginning of a text, without what has the shape of a secret and would not have it any more. @param most  bytes of JSON */
export function cut(text: string, most: number): string {
  const known = redactWord(text.slice(0, most + BEYOND));
  let bytes = 0;
  let end = 0;
  for (; end < known.length; end++) {
    bytes += escaped(known.charCodeAt(end));
    if (bytes > most) break;
  }
  return known.slice(0, end).toWellFormed();
}

function textOf(name: string, text: string): object | undefined {
  if (fits(text, MOST_OF_TEXT)) return undefined;
  return { [name]: cut(text, MOST_OF_TEXT), [`${name}Bytes`]: text.length };
}

function listOf(name: string, words: readonly unknown[], entry: object): object | undefined {
  let raw = 0;
  for (const word of words) if (typeof word === 'string') raw += word.length + 1;
  if (LONGEST_ESCAPE * raw <= MOST_OF_LIST) return undefined;
  const kept: unknown[] = [];
  let left = MOST_OF_LIST;
  for (const word of words) {
    if (typeof word !== 'string') return undefined;
    if (left <= 0) break;
    if (!fits(word, left)) {
      const before = (entry as Record<string, Cuts>)[`${name}Cut`];
      kept.push(cut(word, left));
      const cuts = { [kept.length - 1]: word.length, ...before };
      return { [name]: kept, ...howMany(name, words, kept, entry), [`${name}Cut`]: cuts };
    }
    kept.push(word);
    left -= bytesOf(word) + 3;
  }
  return kept.length === words.length ? undefined : { [name]: kept, ...howMany(name, words, kept, entry) };
}

function howMany(name: string, words: readonly unknown[], kept: readonly unknown[], entry: object): object {
  const before = (entry as Record<string, number>)[`${name}Words`];
  if (before !== undefined || kept.length === words.length) return {};
  return { [`${name}Words`]: words.length };
}

function fits(text: string, most: number): boolean {
  return LONGEST_ESCAPE * text.length <= most || (text.length <= most && bytesOf(text) <= most);
}

function bytesOf(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) bytes += escaped(text.charCodeAt(i));
  return bytes;
}

/** Bytes of one UTF-16 code unit in JSON (RFC 8259, 7) in UTF-8, or more. */
function escaped(code: number): number {
  if (code < 0x20 || (code >= 0xd800 && code < 0xe000)) return LONGEST_ESCAPE;
  if (code < 0x80) return code === 0x22 || code === 0x5c ? 2 : 1;
  return code < 0x800 ? 2 : 3;
}

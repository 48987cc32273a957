import { readJson } from '../model/read-json.ts';
import { jsonStrings } from './json-strings.ts';
import { SHORTEST_SECRET } from './placeholder.ts';
import { reflections } from './scrub.ts';

/** What a token endpoint hands out (RFC 6749, 5.1; OpenID Connect Core 1.0, 3.1.3.3). */
const HANDED_OUT: readonly string[] = ['access_token', 'refresh_token', 'id_token'];

/** The tokens in an answer; none in one that two readers could understand differently. The server controls every byte. */
export function tokensIn(text: string): string[] {
  const strings = jsonStrings(text);
  if (typeof strings === 'string') return [];
  return strings.flatMap(({ path, value }) => (path !== undefined && isToken(path) && value !== '' ? [value] : []));
}

/** An answer as an agent may have it: where a token stands there is its placeholder, and wherever else the text repeats one, in whatever
 *  spelling, there are stars. All other bytes stay as they are.
 *  @param secrets  what must not be in it, besides the tokens it hands out */
export function withoutTokens(text: string, stand: string, secrets: readonly string[]): string {
  const hidden = [...new Set([...secrets, ...tokensIn(text)])].filter((one) => one.length >= SHORTEST_SECRET);
  const finds = reflections(hidden.map((value) => ({ value, shown: '*'.repeat(value.length) })))
    .map(({ find }) => find.toString('latin1'))
    .sort((a, b) => b.length - a.length);
  const without = (some: string): string =>
    finds.reduce((rest, find) => rest.replaceAll(find, '*'.repeat(find.length)), some);
  const strings = jsonStrings(text);
  if (typeof strings === 'string') return without(text.replace(LITERAL, (word) => relieved(word, without)));
  let [result, copied] = ['', 0];
  for (const { value, from, to, path } of strings) {
    const put = path !== undefined && isToken(path) && value !== '' ? stand : without(value);
    if (put === value) continue;
    result += text.slice(copied, from) + JSON.stringify(put);
    copied = to;
  }
  return result + text.slice(copied);
}

/** Wherever it stands: an answer may be wrapped in another object. */
function isToken(path: string): boolean {
  return HANDED_OUT.includes(path.slice(path.lastIndexOf('.') + 1));
}

/** What may be a string in something like JSON. One that does not end is matched too, or each quote in it would be tried as a beginning. */
const LITERAL = /"(?:[^"\\]|\\.)*(?:"|\\?$)/gs;

function relieved(word: string, without: (some: string) => string): string {
  const value = readJson(word) ?? readJson(`${word}"`); // it may not end
  if (typeof value !== 'string') return word;
  const put = without(value);
  return put === value ? word : JSON.stringify(put);
}

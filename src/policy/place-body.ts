import { jsonStrings } from './json-strings.ts';
import { admitted, type Credential, foreign, placesOf, type Refusal } from './place.ts';

/** Of a body that may have a secret in it, so much is kept in memory. Bytes. */
export const LONGEST_JSON_BODY: number = 1024 * 1024;

export interface InBody {
  readonly body: Buffer;
  readonly used: readonly string[];
}

/** Whether a body says that it is JSON (RFC 8259; RFC 6839, 3.1). */
export function isJson(contentType: string): boolean {
  return /^application\/(?:[a-z0-9.+-]+\+)?json[ \t]*(?:;|$)/i.test(contentType.trim());
}

/** Puts values into the fields of a JSON body that they are bound to. Nothing else of the text changes. A placeholder anywhere else, in
 *  whatever spelling, is refused, and so is a body that two readers could understand differently.
 *  @param path  of `comparablePath` */
export function placeInBody(
  body: Buffer,
  method: string,
  path: string | undefined,
  bound: readonly Credential[],
  all: readonly string[],
): InBody | Refusal {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return { as: 'malformed', why: 'the body is not UTF-8' };
  }
  const strings = jsonStrings(text);
  if (typeof strings === 'string') return { as: 'malformed', why: strings };
  const places = placesOf(bound, 'json');
  const used: string[] = [];
  let [result, copied] = ['', 0];
  for (const { value, from, to, path: field } of strings) {
    const here = field === undefined ? [] : places.filter(({ name }) => name === field);
    const meant = here.find(({ credential }) => credential.stands.includes(value));
    if (meant) {
      const real = admitted(meant.credential, method, path);
      if (typeof real !== 'string') return real;
      used.push(meant.credential.binding.secret);
      result += text.slice(copied, from) + JSON.stringify(real);
      copied = to;
    } else if (here.length > 0 && value !== '') return foreign(`${field} in the body`);
    else if (all.some((one) => value.includes(one)))
      return { as: 'misplaced', why: 'a placeholder stands in the body, where its secret is not bound to' };
  }
  return { body: Buffer.from(result + text.slice(copied)), used };
}

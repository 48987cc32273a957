import { pathMatches } from './paths.ts';
import { admitted, type Credential, foreign, placesOf, type Refusal } from './place.ts';

export interface InTarget {
  readonly target: string;
  /** Names of the secrets that stand in it now. */
  readonly used: readonly string[];
  /** As they stand there, where that is not the value itself. */
  readonly forms: readonly string[];
}

/** Puts values into the path and the query of a request target (RFC 9112, 3.2.1). What is replaced is, decoded once, exactly a placeholder:
 *  `query NAME` the value of a parameter, `path` a whole segment, `path WORD` a segment behind that word (`path bot`: /botTOKEN/getMe).
 *  @param path  of `comparablePath`, of this target */
export function placeInTarget(
  target: string,
  method: string,
  path: string | undefined,
  bound: readonly Credential[],
): InTarget | Refusal {
  const inPath = placesOf(bound, 'path');
  const inQuery = placesOf(bound, 'query');
  if (inPath.length + inQuery.length === 0) return { target, used: [], forms: [] };
  if (target.includes('#')) return { as: 'malformed', why: 'malformed request: a fragment in the request target' };
  const found: { used: string[]; forms: string[]; refusals: Refusal[] } = { used: [], forms: [], refusals: [] };
  const put = (credential: Credential, encode: (value: string) => string): string => {
    const value = admitted(credential, method, path);
    if (typeof value !== 'string') {
      found.refusals.push(value);
      return '';
    }
    const text = encode(value);
    found.used.push(credential.binding.secret);
    if (text !== value) found.forms.push(text);
    return text;
  };
  const refused = <T>(why: Refusal, as: T): T => {
    found.refusals.push(why);
    return as;
  };
  const [way = '', ...rest] = target.split('?');
  const segments = way.split('/').map((segment) => {
    const text = decoded(segment);
    const meant = inPath.find(({ credential, name }) => credential.stands.some((one) => text === name + one));
    if (meant) return meant.name + put(meant.credential, pathEncoded);
    const other = inPath.find(({ name }) => name !== '' && text.startsWith(name) && text !== name);
    return other ? refused(foreign(`the path behind ${other.name}`), segment) : segment;
  });
  const parameters = rest.join('?').split(/([&;])/);
  const query = parameters.map((parameter) => {
    const [, name = '', equals = '', value = ''] = /^([^=]*)(=?)(.*)$/s.exec(parameter) ?? [];
    const here = inQuery.filter((place) => place.name === decoded(name.replaceAll('+', ' ')));
    if (here.length === 0 || value === '') return parameter;
    const meant = here.find(({ credential }) => credential.stands.includes(decoded(value)));
    if (meant === undefined) return refused(foreign(`${here[0]?.name} in the query`), parameter);
    return name + equals + put(meant.credential, encodeURIComponent);
  });
  for (const { credential, name } of inPath) {
    const { paths, secret } = credential.binding;
    const here = paths && path !== undefined && paths.some((pattern) => pathMatches(pattern, path));
    if (here && name === '' && !found.used.includes(secret) && found.refusals.length === 0)
      found.refusals.push(foreign('the path'));
  }
  const whole = segments.join('/') + (rest.length === 0 ? '' : `?${query.join('')}`);
  return found.refusals[0] ?? { target: whole, used: found.used, forms: found.forms };
}

/** Once (RFC 3986, 2.1); what is not UTF-8 stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** All that a segment may have stays (RFC 3986, 3.3), and slashes: a secret of several segments is one. */
function pathEncoded(value: string): string {
  return encodeURIComponent(value).replace(/%(?:2F|3A|40|24|26|2B|2C|3B|3D)/g, decodeURIComponent);
}

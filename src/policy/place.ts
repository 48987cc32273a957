import type { SecretBinding } from '../model/secret-binding.ts';
import { pathMatches } from './paths.ts';

/** One binding with what stands for it and what it stands for. */
export interface Credential {
  readonly binding: SecretBinding;
  /** Placeholders that this agent has for it. */
  readonly stands: readonly string[];
  /** Undefined: nobody has set it. */
  readonly value?: string;
  /** What takes the place of the value in what comes back: as long as the value. */
  readonly shown: string;
}

/** Why a request may not go out: `unset` is for the operator to mend, `malformed` for who wrote the client; the others are findings. */
export interface Refusal {
  readonly why: string;
  readonly as: 'unset' | 'malformed' | 'misplaced' | 'foreign';
  readonly secret?: string;
}

/** The value of a credential whose placeholder stands at a place of its, if it may go out with this method, to this path.
 *  @param path  of `comparablePath` */
export function admitted({ binding, value }: Credential, method: string, path: string | undefined): string | Refusal {
  const { secret, methods, paths } = binding;
  if (methods && !methods.includes(method))
    return { as: 'misplaced', why: `${secret} is not bound to ${method} requests`, secret };
  if (paths && (path === undefined || !paths.some((pattern) => pathMatches(pattern, path))))
    return { as: 'misplaced', why: `${secret} is not bound to this path`, secret };
  return value ?? { as: 'unset', why: `the secret ${secret} is not set`, secret };
}

/** The places of one kind, by what follows its word: `query key` is `key` of `query`. */
export function placesOf(bound: readonly Credential[], kind: 'query' | 'path' | 'json'): readonly Placed[] {
  const known = PLACES.get(bound) ?? {};
  PLACES.set(bound, known);
  known[kind] ??= bound.flatMap((credential) =>
    credential.binding.in
      .filter((place) => place === kind || place.startsWith(`${kind} `))
      .map((place) => ({ credential, name: place.slice(kind.length + 1) })),
  );
  return known[kind];
}

interface Placed {
  readonly credential: Credential;
  readonly name: string;
}

/** Each request asks for them. */
const PLACES = new WeakMap<
  readonly Credential[],
  { query?: readonly Placed[]; path?: readonly Placed[]; json?: readonly Placed[] }
>();

/** A placeholder of this agent's, at a place, path, method or destination that its secret is not bound to. */
export const ELSEWHERE: Refusal = { as: 'misplaced', why: 'a placeholder stands where its secret is not bound to' };

/** Somebody else's credential, or none of anybody's: an agent that was given one would carry things out under it. */
export function foreign(where: string): Refusal {
  return { as: 'foreign', why: `${where} holds a credential that is no placeholder of this agent` };
}

/** Where the secrets of a destination may stand, for whoever wrote the client; undefined: none is bound to it. */
export function goesWhere(bound: readonly Credential[]): string | undefined {
  const places = bound.flatMap(({ binding: { variable, in: places, methods = [], paths = [], lent } }) => {
    const only = [...methods, ...paths].join(' ');
    return lent ? [] : [`$${variable} in ${places.join(' or ')}${only === '' ? '' : ` (${only})`}`];
  });
  return places.length === 0 ? undefined : `here goes ${places.join('; ')}`;
}

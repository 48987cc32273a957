import type { SecretBinding } from '../model/secret-binding.ts';
import type { Header } from '../protocol/http1.ts';
import { comparablePath, pathMatches } from './paths.ts';

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

export interface CredentialRequest {
  readonly method: string;
  /** As sent: path and query. */
  readonly target: string;
  readonly headers: readonly Header[];
}

export type Placed =
  | {
      readonly kind: 'placed';
      readonly headers: readonly Header[];
      /** Names of the secrets that went out. */
      readonly used: readonly string[];
      /** What went out in another form than the value itself, and must not come back. */
      readonly forms: readonly string[];
    }
  | {
      readonly kind: 'refused';
      readonly why: string;
      /** `unset` is for the operator to mend; the others are findings. */
      readonly as: 'unset' | 'misplaced' | 'foreign';
      readonly secret?: string;
    };

/** Puts values in the place of placeholders, where their bindings say, and refuses every other request that has a placeholder in it, or
 *  another credential at a place that is bound: an agent that was given somebody else's key would carry things out under it.
 *  @param bound  to the destination of this request
 *  @param all  every placeholder of the agent */
export function placeSecrets(request: CredentialRequest, bound: readonly Credential[], all: readonly string[]): Placed {
  const path = comparablePath(request.target);
  const used = new Set<string>();
  const forms: string[] = [];
  const headers: Header[] = [];
  for (const header of request.headers) {
    const result = placeOne(header, request.method, path, bound);
    if (result === undefined) headers.push(header);
    else if ('why' in result) return { kind: 'refused', ...result };
    else {
      headers.push([header[0], result.text]);
      used.add(result.secret);
      if (result.form !== undefined) forms.push(result.form);
    }
  }
  const rest = [
    request.target,
    ...headers.flatMap(([name, value], i) => (request.headers[i]?.[1] === value ? [name, value] : [])),
  ];
  for (const text of rest) {
    const found = all.find((one) => holds(text, one));
    if (found !== undefined)
      return { kind: 'refused', as: 'misplaced', why: 'a placeholder stands where its secret is not bound to' };
  }
  return { kind: 'placed', headers, used: [...used], forms };
}

type One = { readonly text: string; readonly secret: string; readonly form?: string };
type Refusal = { readonly why: string; readonly as: 'unset' | 'misplaced' | 'foreign'; readonly secret?: string };

function placeOne(
  [name, value]: Header,
  method: string,
  path: string | undefined,
  bound: readonly Credential[],
): One | Refusal | undefined {
  const here = bound.flatMap((credential) =>
    credential.binding.in.filter((place) => fieldOf(place) === name).map((place) => ({ place, credential })),
  );
  if (here.length === 0 || value === '') return undefined;
  for (const { place, credential } of here) {
    const parts = partsOf(place, value);
    const at = parts?.words.findIndex((word) => credential.stands.includes(word)) ?? -1;
    if (parts === undefined || at < 0) continue;
    const { secret, methods, paths } = credential.binding;
    if (methods && !methods.includes(method))
      return { as: 'misplaced', why: `${secret} is not bound to ${method} requests`, secret };
    if (paths && (path === undefined || !paths.some((pattern) => pathMatches(pattern, path))))
      return { as: 'misplaced', why: `${secret} is not bound to this path`, secret };
    if (credential.value === undefined) return { as: 'unset', why: `the secret ${secret} is not set`, secret };
    const whole = parts.join(parts.words.map((word, i) => (i === at ? (credential.value as string) : word)));
    return { text: whole.text, secret, ...(whole.form !== undefined && { form: whole.form }) };
  }
  return { as: 'foreign', why: `${name} holds a credential that is no placeholder of this agent` };
}

function fieldOf(place: string): string {
  return place.startsWith('header ') ? place.slice('header '.length) : 'authorization';
}

interface Parts {
  readonly words: readonly string[];
  readonly join: (words: readonly string[]) => { readonly text: string; readonly form?: string };
}

/** What in a field may be a placeholder, and the field with other words in their place. */
function partsOf(place: string, value: string): Parts | undefined {
  if (place === 'bearer') {
    const [, scheme = '', token = ''] = /^(bearer|token) +(\S+)$/i.exec(value) ?? [];
    return scheme === '' ? undefined : { words: [token], join: ([word = '']) => ({ text: `${scheme} ${word}` }) };
  }
  if (place !== 'basic') return { words: [value], join: ([word = '']) => ({ text: word }) };
  const coded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value)?.[1];
  if (coded === undefined) return undefined;
  const [user = '', ...rest] = Buffer.from(coded, 'base64').toString('latin1').split(':');
  return {
    words: [user, rest.join(':')],
    join: (words) => {
      const form = Buffer.from(words.join(':'), 'latin1').toString('base64');
      return { text: `Basic ${form}`, form };
    },
  };
}

/** Whether a text has a placeholder in it: as it is, decoded once, or in what follows Basic. */
function holds(text: string, stand: string): boolean {
  if (text.includes(stand)) return true;
  if (
    text.includes('%') &&
    text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))).includes(stand)
  )
    return true;
  const coded = /^basic +(\S+)$/i.exec(text)?.[1];
  return coded !== undefined && Buffer.from(coded, 'base64').toString('latin1').includes(stand);
}

import type { Header } from '../protocol/http1.ts';
import { hasField, OTHER_METHOD, OTHER_TARGET, oneField, sameField } from './other-request.ts';
import { comparablePath } from './paths.ts';
import { admitted, type Credential, ELSEWHERE, foreign, type Refusal } from './place.ts';
import { placeInBody } from './place-body.ts';
import { placeInTarget } from './place-target.ts';

export interface CredentialRequest {
  readonly method: string;
  /** As sent: path and query. */
  readonly target: string;
  readonly headers: readonly Header[];
  /** All of it, where a secret is bound to a field of JSON and this is JSON. */
  readonly body?: Buffer;
}

export type Placed =
  | {
      readonly kind: 'placed';
      readonly target: string;
      /** If it was given. */
      readonly body?: Buffer;
      readonly headers: readonly Header[];
      /** Names of the secrets that went out. */
      readonly used: readonly string[];
      /** What went out in another form than the value itself, and must not come back. */
      readonly forms: readonly string[];
    }
  | ({ readonly kind: 'refused' } & Refusal);

/** Puts values in the place of placeholders, where their bindings say, and refuses every other request that has a placeholder in it, or
 *  another credential at a place that is bound: an agent that was given somebody else's key would carry things out under it.
 *  @param bound  to the destination of this request
 *  @param all  every placeholder of the agent */
export function placeSecrets(request: CredentialRequest, bound: readonly Credential[], all: readonly string[]): Placed {
  const path = bound.some(({ binding }) => binding.paths) ? comparablePath(request.target) : undefined;
  const used = new Set<string>();
  const forms: string[] = [];
  const headers: Header[] = [];
  for (const header of request.headers) {
    const result = placeOne(header, request.method, path, bound);
    if (result === undefined) headers.push(header);
    else if ('why' in result) {
      const own = result.as === 'foreign' && holds(header[1], all);
      return { kind: 'refused', ...(own ? ELSEWHERE : result) };
    } else {
      headers.push([header[0], result.text]);
      used.add(result.secret);
      if (result.form !== undefined) forms.push(result.form);
    }
  }
  const target = placeInTarget(request.target, request.method, path, bound);
  if ('why' in target) return { kind: 'refused', ...target };
  const misplaced =
    holds(target.target, all) ||
    headers.some(([name, value], i) => request.headers[i]?.[1] === value && (holds(name, all) || holds(value, all)));
  if (misplaced) return { kind: 'refused', ...ELSEWHERE };
  const body = request.body && placeInBody(request.body, request.method, path, bound, all);
  if (body && 'why' in body) return { kind: 'refused', ...body };
  for (const secret of [...target.used, ...(body?.used ?? [])]) used.add(secret);
  forms.push(...target.forms);
  const other = bound.find(
    ({ binding }) =>
      used.has(binding.secret) &&
      ((binding.methods && hasField(request.headers, OTHER_METHOD)) ||
        (binding.paths && hasField(request.headers, [...OTHER_METHOD, ...OTHER_TARGET]))),
  );
  if (other !== undefined)
    return {
      ...{ kind: 'refused', as: 'misplaced', secret: other.binding.secret },
      why: `${other.binding.secret} is bound to requests of one kind, and a field says that this may be another`,
    };
  return { kind: 'placed', target: target.target, headers, ...(body && { body: body.body }), used: [...used], forms };
}

type One = { readonly text: string; readonly secret: string; readonly form?: string };

function placeOne(
  [name, value]: Header,
  method: string,
  path: string | undefined,
  bound: readonly Credential[],
): One | Refusal | undefined {
  if (value === '' || !isBoundField(name, bound)) return undefined; // nearly always
  const here = bound.flatMap((credential) =>
    credential.binding.in
      .filter((place) => sameField(fieldOf(place) ?? '', name))
      .map((place) => ({ place, credential })),
  );
  if (here.some(({ place }) => fieldOf(place) !== name)) return foreign(name);
  for (const { place, credential } of here) {
    const parts = partsOf(place, value);
    const at = parts?.words.findIndex((word) => credential.stands.includes(word)) ?? -1;
    if (parts === undefined || at < 0) continue;
    const real = admitted(credential, method, path);
    if (typeof real !== 'string') return real;
    const { secret } = credential.binding;
    const whole = parts.join(parts.words.map((word, i) => (i === at ? real : word)));
    return { text: whole.text, secret, ...(whole.form !== undefined && { form: whole.form }) };
  }
  return foreign(name);
}

/** Whether a secret is bound to a field: there stands a placeholder, in the head, or nothing. */
export function isBoundField(name: string, bound: readonly Credential[]): boolean {
  let fields = FIELDS.get(bound);
  if (fields === undefined) {
    fields = new Set(bound.flatMap(({ binding }) => binding.in.map((place) => oneField(fieldOf(place) ?? ''))));
    FIELDS.set(bound, fields);
  }
  return fields.has(oneField(name));
}

/** Fields that a list of credentials is bound to: each field of each request is looked for among them. */
const FIELDS = new WeakMap<readonly Credential[], ReadonlySet<string>>();

function fieldOf(place: string): string | undefined {
  if (place === 'bearer' || place === 'basic') return 'authorization';
  return place.startsWith('header ') ? place.slice('header '.length) : undefined;
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
function holds(text: string, stands: readonly string[]): boolean {
  if (has(text, stands)) return true;
  if (text.includes('%')) {
    const plain = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (has(plain, stands)) return true;
  }
  const first = text.charCodeAt(0);
  const coded = first === 0x62 || first === 0x42 ? /^basic +(\S+)$/i.exec(text)?.[1] : undefined; // b, B
  return coded !== undefined && has(Buffer.from(coded, 'base64').toString('latin1'), stands);
}

function has(text: string, stands: readonly string[]): boolean {
  for (const stand of stands) if (text.includes(stand)) return true;
  return false;
}

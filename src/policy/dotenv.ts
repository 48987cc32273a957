import { whyNoSecret } from './placeholder.ts';
import { SECRET_PRESETS, secretPart } from './secret-presets.ts';
import { secretLike } from './secret-shapes.ts';

/** What a `.env` file says: NAME=VALUE lines, as shells and the common readers agree on them (an `export` before, quotes around, `#` for a
 *  comment). Values are taken as they stand: nothing is expanded. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export function readDotenv(text: string): { readonly variables: Variable[]; readonly malformed: number[] } {
  const variables: Variable[] = [];
  const malformed: number[] = [];
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', rest = ''] = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line) ?? [];
    const quoted = /^(?:"([^"]*)"|'([^']*)')\s*(?:#.*)?$/.exec(rest);
    if (name === '') malformed.push(i + 1);
    else
      variables.push({
        name,
        value: quoted ? (quoted[1] ?? quoted[2] ?? '') : rest.replace(/\s+#.*$/, ''),
        line: i + 1,
      });
  }
  return { variables, malformed };
}

/** One that holds a secret, and the name that it is to be kept under. */
export interface Found {
  readonly variable: Variable;
  readonly secret: string;
}

/** One that looks like a secret and cannot be kept: why, as the end of "it ...". */
export interface Left {
  readonly variable: Variable;
  readonly why: string;
}

/** Which of them hold secrets. Of one that stands there twice the last counts, as in a shell. */
export function secretsIn(variables: readonly Variable[]): { readonly found: Found[]; readonly left: Left[] } {
  const found = new Map<string, Found>();
  const left: Left[] = [];
  for (const one of new Map(variables.map((each) => [each.name, each])).values()) {
    const { name } = one;
    const value = secretPart(name, one.value);
    const variable = { ...one, value };
    const secret = secretNameOf(name);
    const like = Object.hasOwn(SECRET_PRESETS, name) || secretLike(name, value) !== undefined;
    if (value === '' || !like) continue;
    const why = whyNoSecret(value) ?? (secret === '' ? 'has a name with no letter to keep it under' : undefined);
    const other = found.get(secret)?.variable.name;
    if (why !== undefined) left.push({ variable, why });
    else if (other !== undefined) left.push({ variable, why: `would have the name of ${other}, ${secret}` });
    else found.set(secret, { variable, secret });
  }
  return { found: [...found.values()], left };
}

/** `ANTHROPIC_API_KEY` is kept as `anthropic-api-key`. */
function secretNameOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[-0-9]+|-+$/g, '')
    .slice(0, 40)
    .replace(/-$/, '');
}

import { whyNoSecret } from './placeholder.ts';
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

/** Those that hold secrets, with the name that each is to be kept under. */
export function secretsIn(variables: readonly Variable[]): { readonly variable: Variable; readonly secret: string }[] {
  return variables
    .filter(({ name, value }) => whyNoSecret(value) === undefined && secretLike(name, value) !== undefined)
    .map((variable) => ({ variable, secret: secretNameOf(variable.name) }))
    .filter(({ secret }) => secret !== '');
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

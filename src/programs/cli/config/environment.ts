import { LONGEST_WORD } from '../../../model/bounds.ts';
import { refusedEnv } from '../../../model/env-names.ts';
import { secretLike } from '../../../policy/secret-shapes.ts';
import type { EnvInFile } from './file.ts';
import { word } from './programs.ts';
import { type Path, pathText, quoted } from './shown.ts';
import type { Where } from './where.ts';

/** Variables as text. Values are never repeated in a message: one of them may be a secret that went to the wrong place. */
export function environment(where: Where, path: Path, given: EnvInFile = {}): Record<string, string> {
  const entries = Object.entries(given).map(([name, raw]): [string, string] => {
    const at = [...path, name];
    const value = word(where, at, raw);
    const refused = refusedEnv(name);
    if (refused !== undefined)
      throw where.document.failure(
        'refused-env',
        at,
        `${name} ${refused}, in ${pathText(path)}`,
        'Take it out.',
        'key',
      );
    const secret = secretLike(name, value);
    if (secret !== undefined)
      throw where.document.failure(
        'secret-in-file',
        at,
        `${quoted(name)} in ${pathText(path)} ${secret}`,
        'Secrets never stand in a fleet.yaml: take it out, and replace the key where it was issued if the file was shared.',
      );
    if (value.length > LONGEST_WORD)
      throw where.document.failure('bad-value', at, `the value of ${name} is too long`, 'Put it into a file.');
    return [name, value];
  });
  return Object.fromEntries(entries);
}

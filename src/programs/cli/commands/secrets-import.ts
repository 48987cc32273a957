import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Failure } from '../../../model/failure.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import { readDotenv, secretsIn } from '../../../policy/dotenv.ts';
import { SECRET_PRESETS } from '../../../policy/secret-presets.ts';
import type { Answer, Call } from '../call.ts';
import { findingLines } from '../render/tested.ts';
import { findingsBefore, keep } from '../secret-keeping.ts';

/** What looks like a secret in a .env file is kept, each under a name made from its variable; the file stays as it is. */
export async function run({ operands, state }: Call): Promise<Answer> {
  const file = resolve(operands[0] ?? '.env');
  const { variables } = readDotenv(read(file));
  const found = secretsIn(variables);
  if (found.length === 0)
    throw new Failure(
      'nothing-found',
      `nothing in ${file} looks like a secret`,
      'Set one by name: bulkhead secrets set NAME',
      1,
    );
  const places = placesOf(state);
  const notes: string[] = [];
  for (const { variable, secret } of found) {
    const kept = await keep(places, secretName(secret), variable.value);
    notes.push(...findingLines(secret, kept?.findings ?? findingsBefore(variable.value)));
  }
  const lines = found.map(({ variable: { name }, secret }) =>
    Object.hasOwn(SECRET_PRESETS, name) ? `  ${name}: ${secret}` : `  ${name}: { secret: ${secret}, to: HOST }`,
  );
  const more = [
    'For the agent that uses them, in fleet.yaml:',
    'secrets:',
    ...lines,
    `Then delete ${file}: it holds the values in the clear.`,
  ];
  return {
    document: { imported: found.map(({ variable: { name }, secret }) => ({ variable: name, secret })) },
    text: () =>
      [`Kept ${found.length}: ${found.map(({ secret }) => secret).join(', ')}.`, ...notes, ...more].join('\n'),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(
      'no-file',
      `${file} cannot be read (${code})`,
      'Name the file: bulkhead secrets import PATH/.env',
    );
  }
}

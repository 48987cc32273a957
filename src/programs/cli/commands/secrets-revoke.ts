import { existsSync, rmSync } from 'node:fs';
import type { SecretChanged } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { endedText, testedExit, testedLines } from '../render/tested.ts';
import { withSecrets } from '../secret-keeping.ts';

/** Forgets a secret. What it was good for at its service is for the service to end. */
export async function run({ operands, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const places = placesOf(state);
  const gone = await withSecrets(places, async (warden) => {
    return (await warden.call('secrets.revoke', { name })) as SecretChanged;
  });
  if (gone === undefined) {
    const folders = [places.secrets, `${places.gateway}/secrets`];
    const files = folders.flatMap((folder) => ['age', 'own', 'before'].map((kind) => `${folder}/${name}.${kind}`));
    if (!files.some((file) => file.endsWith('.age') && existsSync(file))) throw noSuch(name);
    for (const file of files) rmSync(file, { force: true });
  }
  const { ended = 0, tookMs, tested } = gone ?? {};
  return {
    document: { secret: name, state: 'revoked', ended, ...(gone && { tookMs }), ...(tested && { tested }) },
    text: (screen) =>
      [
        `${name} is forgotten.${gone ? endedText(gone) : ''}`,
        ...(tested ? testedLines(name, tested, screen) : ['It is valid until it is revoked where it was issued.']),
      ].join('\n'),
    exit: testedExit(tested),
  };
}

function noSuch(name: string): Failure {
  return new Failure('no-such-secret', `there is no secret ${name}`, 'bulkhead secrets list shows all.', 1);
}

import { existsSync, rmSync } from 'node:fs';
import { Failure } from '../../../model/failure.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { withSecrets } from '../secret-keeping.ts';

/** Forgets a secret. What it was good for at its service is for the service to end. */
export async function run({ operands, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const places = placesOf(state);
  const gone = await withSecrets(places, async (warden) => {
    return (await warden.call('secrets.revoke', { name })) as { ended: number };
  });
  if (gone === undefined) {
    const files = [`${places.secrets}/${name}.age`, `${places.gateway}/secrets/${name}.age`];
    if (!files.some((file) => existsSync(file))) throw noSuch(name);
    for (const file of files) rmSync(file, { force: true });
  }
  const ended = gone?.ended ?? 0;
  const also = ended > 0 ? `; ${ended} open ${ended === 1 ? 'connection was' : 'connections were'} ended` : '';
  return {
    document: { secret: name, state: 'revoked', ended },
    text: () => `${name} is forgotten${also}. It is valid until it is revoked where it was issued.`,
  };
}

function noSuch(name: string): Failure {
  return new Failure('no-such-secret', `there is no secret ${name}`, 'bulkhead secrets list shows all.', 1);
}

import type { SecretsDocument } from '../../../model/documents.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { renderSecrets } from '../render/secrets.ts';
import { secretStates } from '../secret-keeping.ts';

/** Names, ages and who uses them; never a value. */
export async function run({ state }: Call): Promise<Answer> {
  const secrets: SecretsDocument = { secrets: await secretStates(placesOf(state)) };
  return { document: secrets, text: (screen) => renderSecrets(secrets, screen) };
}

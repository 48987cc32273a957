import { existsSync, readdirSync, statSync } from 'node:fs';
import type { SecretEntry, SecretsDocument } from '../../../model/documents.ts';
import { type Places, placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { renderSecrets } from '../render/secrets.ts';
import { withSecrets } from '../secret-keeping.ts';

/** Names, ages and who uses them; never a value. */
export async function run({ state }: Call): Promise<Answer> {
  const places = placesOf(state);
  const asked = await withSecrets(places, async (warden) => (await warden.call('secrets.list')) as SecretsDocument);
  const secrets = asked ?? { secrets: [...onDisk(`${places.gateway}/secrets`, 'set'), ...waiting(places)] };
  return { document: secrets, text: (screen) => renderSecrets(secrets, screen) };
}

function waiting(places: Places): SecretEntry[] {
  return onDisk(places.secrets, 'waiting');
}

function onDisk(folder: string, state: SecretEntry['state']): SecretEntry[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((file) => file.endsWith('.age'));
  return names.map((file) => ({
    ...{ name: file.slice(0, -4), state, since: statSync(`${folder}/${file}`).mtime.toISOString() },
    usedBy: [],
  }));
}

import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { sealed } from '../seal.ts';
import { readSecret } from '../secret-input.ts';
import { keepUntilUp, withSecrets } from '../secret-keeping.ts';

/** Sealed here, for the gateway alone: the warden passes on what it cannot open. */
export async function run({ operands, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const value = await readSecret(name);
  const places = placesOf(state);
  const kept = await withSecrets(places, async (warden) => {
    const { recipient } = (await warden.call('secrets.recipient')) as { recipient: string };
    const bytes = Buffer.from(await sealed(value, recipient)).toString('base64');
    return (await warden.call('secrets.set', { name, sealed: bytes })) as { replaced: boolean; ended: number };
  });
  if (kept === undefined) {
    await keepUntilUp(places, name, value);
    return {
      document: { secret: name, state: 'waiting' },
      text: () => `${name} is kept; the gateway takes it with the next up.`,
    };
  }
  const { replaced, ended } = kept;
  const also = ended > 0 ? ` ${ended} open ${ended === 1 ? 'connection was' : 'connections were'} ended.` : '';
  return {
    document: { secret: name, state: 'set', replaced, ended },
    text: () => `${name} is ${replaced ? 'replaced' : 'set'}, and in force.${also}`,
  };
}

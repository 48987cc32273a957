import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { readSecret } from '../secret-input.ts';
import { keep } from '../secret-keeping.ts';

export async function run({ operands, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const kept = await keep(placesOf(state), name, await readSecret(name));
  if (kept === undefined)
    return {
      document: { secret: name, state: 'waiting' },
      text: () => `${name} is kept; the gateway takes it with the next up.`,
    };
  const { replaced, ended } = kept;
  const also = ended > 0 ? ` ${ended} open ${ended === 1 ? 'connection was' : 'connections were'} ended.` : '';
  return {
    document: { secret: name, state: 'set', replaced, ended },
    text: () => `${name} is ${replaced ? 'replaced' : 'set'}, and in force.${also}`,
  };
}

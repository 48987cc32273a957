import type { SecretChanged } from '../../../model/documents.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { testedExit, testedLines } from '../render/tested.ts';

/** Sends the configured request with the value, and with the one before it as long as that was not seen to be refused. */
export async function run({ operands, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const { tested = [] } = await withWarden(placesOf(state).state, 'no secret is in use', async (warden) => {
    return (await warden.call('secrets.test', { name })) as Pick<SecretChanged, 'tested'>;
  });
  return {
    document: { secret: name, tested },
    text: (screen) => (tested.length > 0 ? testedLines(name, tested, screen).join('\n') : `${name} is not set.`),
    exit: tested.length > 0 ? testedExit(tested) : 1,
  };
}

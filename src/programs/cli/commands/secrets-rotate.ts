import { Failure } from '../../../model/failure.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { readSecret } from '../secret-input.ts';
import { keep, secretStates } from '../secret-keeping.ts';

/** A new value for a secret that is set; a name that is not is a slip of the pen. */
export async function run({ operands, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const places = placesOf(state);
  const known = (await secretStates(places)).filter((one) => one.state !== 'missing').map((one) => one.name);
  if (!known.includes(name))
    throw new Failure(
      'no-such-secret',
      `there is no secret ${name} to rotate`,
      `Set it: bulkhead secrets set ${name}`,
      1,
    );
  const kept = await keep(places, name, await readSecret(name));
  const ended = kept?.ended ?? 0;
  const also = ended > 0 ? ` ${ended} open ${ended === 1 ? 'connection was' : 'connections were'} ended.` : '';
  return {
    document: { secret: name, state: kept ? 'rotated' : 'waiting', ended },
    text: () =>
      kept
        ? `${name} has its new value, in force.${also} Revoke the old one where it was issued.`
        : `${name} is kept; the gateway takes it with the next up.`,
  };
}

import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { mustBeOurs } from '../machine.ts';
import { takeDown } from '../take-down.ts';

/** Ends every agent and our programs. Disks, users and the record stay, unless `--purge`. */
export async function run({ state, options }: Call): Promise<Answer> {
  mustBeOurs('down', placesOf(state));
  const purge = options.purge === true;
  const steps = await takeDown(placesOf(state), purge);
  return {
    document: { steps },
    text: () =>
      steps.length === 0
        ? 'Nothing was up.'
        : `${steps.join('\n')}\n\n${purge ? 'Nothing of the fleet is left. The programs themselves stay until: bulkhead uninstall' : 'The fleet is down; what agents have stored and the record stay.'}`,
  };
}

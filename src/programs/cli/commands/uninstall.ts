import { existsSync } from 'node:fs';
import { observe } from '../../../host/apply.ts';
import { Made } from '../../../host/files/made.ts';
import { describe } from '../../../plan/describe.ts';
import { placesOf } from '../../../plan/places.ts';
import { planSteps } from '../../../plan/step.ts';
import type { Answer, Call } from '../call.ts';
import { carryOut, hostHands, mustBeOurs } from '../machine.ts';
import { removeState } from '../state.ts';
import { takeDown } from '../take-down.ts';

/** Takes away the fleet and then the programs: nothing that Bulkhead made is left. */
export async function run({ state }: Call): Promise<Answer> {
  mustBeOurs('uninstall', placesOf(state));
  const places = placesOf(state);
  const fleet = await takeDown(places, true);
  const made = new Made(places.made).list();
  const steps = planSteps([], await observe(hostHands(), [], made));
  // The journal is in the state: it goes last, when nothing is left to be written down.
  await carryOut(
    places,
    steps.filter(({ what }) => what.kind !== 'folder' || what.path !== places.state),
  );
  if (existsSync(places.state)) removeState(places);
  const done = [...fleet, ...steps.map(describe)];
  return {
    document: { steps: done },
    text: () =>
      done.length === 0
        ? 'Bulkhead had made nothing here.'
        : `${done.join('\n')}\n\nNothing that Bulkhead made is left.`,
  };
}

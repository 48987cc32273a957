import { existsSync, rmSync } from 'node:fs';
import { observe } from '../../../host/apply.ts';
import { Made } from '../../../host/made.ts';
import { describe } from '../../../plan/describe.ts';
import { placesOf } from '../../../plan/places.ts';
import { planSteps } from '../../../plan/step.ts';
import type { Answer, Call } from '../call.ts';
import { carryOut, hostHands, mustBeRoot } from '../machine.ts';
import { takeDown } from '../take-down.ts';

/** Takes away the fleet and then the programs: nothing that Bulkhead made is left. */
export async function run({ state }: Call): Promise<Answer> {
  mustBeRoot('uninstall');
  const places = placesOf(state);
  const fleet = await takeDown(places, true);
  const made = new Made(places.made).list();
  const steps = planSteps([], await observe(hostHands(), [], made));
  const state_ = steps.filter((step) => step.what.kind === 'folder' && step.what.path === places.state);
  await carryOut(
    places,
    steps.filter((step) => !state_.includes(step)),
  );
  if (existsSync(places.state)) rmSync(places.state, { recursive: true });
  const done = [...fleet, ...steps.map(describe)];
  return {
    document: { steps: done },
    text: () =>
      done.length === 0
        ? 'Bulkhead had made nothing here.'
        : `${done.join('\n')}\n\nNothing that Bulkhead made is left.`,
  };
}

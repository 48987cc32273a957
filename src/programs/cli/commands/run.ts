import { placesOf } from '../../../plan/places.ts';
import { attach, ownFailure } from '../attach.ts';
import type { Call } from '../call.ts';
import { wardenIsBack } from '../warden-process.ts';

/** One command in the agent's compartment, as the agent. Its status is ours; 125 is our own failure, 126 refused, 127 not present. */
export function run({ state, operands }: Call): Promise<number> {
  const [agent = '', ...argv] = operands;
  return ownFailure(wardenIsBack(placesOf(state)).then(() => attach(state, agent, argv)));
}

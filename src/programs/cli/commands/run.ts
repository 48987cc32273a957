import { attach, ownFailure } from '../attach.ts';
import type { Call } from '../call.ts';

/** One command in the agent's compartment, as the agent. Its status is ours; 125 is our own failure, 126 refused, 127 not present. */
export function run({ state, operands }: Call): Promise<number> {
  const [agent = '', ...argv] = operands;
  return ownFailure(attach(state, agent, argv));
}

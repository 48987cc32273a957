import { attach, ownFailure } from '../attach.ts';
import type { Call } from '../call.ts';

/** A shell in the agent's compartment, as the agent. */
export function run({ state, operands }: Call): Promise<number> {
  return ownFailure(attach(state, operands[0] ?? '', ['bash', '-l']));
}

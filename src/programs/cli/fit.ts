import { judgeMachine } from '../../checks/machine/judge.ts';
import { gatherHost } from '../../host/machine/machine-facts.ts';
import { Failure } from '../../model/failure.ts';
import type { Places } from '../../plan/places.ts';

/** @throws Failure when this machine cannot hold a compartment: said before anything is made on it */
export async function mustHoldCompartments({ state }: Places): Promise<void> {
  const [worst, ...others] = judgeMachine(await gatherHost(state)).flatMap(({ finding }) =>
    finding?.severity === 'critical' ? [finding] : [],
  );
  if (worst === undefined) return;
  const more = others.length === 0 ? '' : ` (and ${others.length} more: bulkhead doctor)`;
  throw new Failure(
    'machine-cannot',
    `This machine cannot hold a compartment: ${worst.id}: ${worst.evidence}${more}.`,
    `Mend it, then run the command again: ${worst.remedy}`,
    3,
  );
}

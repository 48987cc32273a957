import { existsSync, readFileSync } from 'node:fs';
import { decodeWantedFleet } from '../../model/decode.ts';
import { Failure } from '../../model/failure.ts';
import type { WantedFleet } from '../../model/fleet.ts';
import type { Places } from '../../plan/places.ts';
import type { Step } from '../../plan/step.ts';
import { mustNotShrink } from '../hands/disks.ts';

/** The fleet last applied, as the state keeps it; undefined before the first `up`. */
export function readWanted({ wanted }: Places): WantedFleet | undefined {
  if (!existsSync(wanted)) return undefined;
  try {
    return decodeWantedFleet(JSON.parse(readFileSync(wanted, 'utf8')));
  } catch (error) {
    throw new Failure(
      'wanted-damaged',
      `${wanted}, the fleet last applied, cannot be read: ${(error as Error).message}`,
      `Move it away and run bulkhead up -f fleet.yaml; what agents have stored stays.`,
      3,
    );
  }
}

/** @throws Failure: one state holds one fleet */
export function mustBeSameFleet(before: WantedFleet | undefined, fleet: WantedFleet): void {
  if (before === undefined || before.fleet === fleet.fleet) return;
  throw new Failure(
    'other-fleet',
    `This state holds the fleet ${before.fleet}, not ${fleet.fleet}.`,
    'Give the other fleet a state of its own (--state DIR), or end this one first: bulkhead down --purge',
  );
}

/** @throws Failure when a disk would have to become smaller: said before the first step, not at it */
export function mustHoldStored(steps: readonly Step[]): void {
  for (const step of steps)
    if (step.do === 'change' && step.what.kind === 'disk' && step.was.kind === 'disk')
      mustNotShrink(step.what, step.was);
}

import { Failure } from '../model/failure.ts';
import { describe } from '../plan/describe.ts';
import { identity, type Resource } from '../plan/resource.ts';
import type { Step } from '../plan/step.ts';
import type { Hand, Hands } from './hands/hand.ts';
import type { Made } from './made.ts';

/** Where steps are told of. `begin` returns when the record is on disk: no record, no step. */
export interface Recorder {
  begin(step: Step): Promise<void>;
  end(step: Step): Promise<void>;
  failed(step: Step, why: string): Promise<void>;
}

/** What of the wanted and the made is really there. */
export async function observe(
  hands: Hands,
  wanted: readonly Resource[],
  made: readonly Resource[],
): Promise<Resource[]> {
  const asked = new Map<string, Resource>();
  for (const resource of [...made, ...wanted]) asked.set(identity(resource), resource);
  const there: Resource[] = [];
  for (const resource of asked.values()) {
    const found = await handOf(hands, resource).observe(resource);
    if (found) there.push(found);
  }
  return there;
}

/** What others do not stand on: one agent that cannot be put up must not keep the rest of the fleet down. */
const LEAVES: ReadonlySet<Resource['kind']> = new Set(['compartment', 'port']);

/** Carries out a plan, step by step. A failure is recorded and stops it, but for what nothing else stands on: there it goes on and
 *  fails at the end. The next plan starts from what is there. */
export async function apply(steps: readonly Step[], hands: Hands, made: Made, recorder: Recorder): Promise<void> {
  let first: unknown;
  for (const step of steps) {
    await recorder.begin(step);
    made.begin(step);
    try {
      await perform(hands, step);
    } catch (error) {
      await recorder.failed(step, (error as Error).message);
      if (!LEAVES.has(step.what.kind)) throw error;
      first ??= error;
      continue;
    }
    made.end(step);
    await recorder.end(step);
  }
  if (first !== undefined) throw first;
  if (steps.length > 0) made.compact();
}

async function perform(hands: Hands, step: Step): Promise<void> {
  const hand = handOf(hands, step.what);
  switch (step.do) {
    case 'make':
      return hand.make(step.what);
    case 'remove':
      return hand.remove(step.what);
    case 'change':
      if (!hand.change)
        throw new Failure('internal', `${describe(step)} cannot be done in place`, 'This is a bug in the planner.', 1);
      return hand.change(step.what, step.was);
  }
}

function handOf(hands: Hands, resource: Resource): Hand<Resource> {
  return hands[resource.kind] as unknown as Hand<Resource>;
}

import { Failure } from '../model/failure.ts';
import { describe } from '../plan/describe.ts';
import { identity, type Resource } from '../plan/resource.ts';
import type { Step } from '../plan/step.ts';
import type { Made } from './files/made.ts';
import { mendable } from './files/no-space.ts';
import type { Hand, Hands } from './hands/hand.ts';

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
  const [wish, ours] = [wanted, made].map((list) => new Set(list.map(identity)));
  for (const [key, resource] of asked) {
    const known = { wanted: wish?.has(key) === true, made: ours?.has(key) === true };
    const found = await handOf(hands, resource).observe(resource, known);
    if (found) there.push(found);
  }
  return there;
}

/** What others do not stand on: one agent that cannot be put up must not keep the rest of the fleet down. */
const LEAVES: ReadonlySet<Resource['kind']> = new Set(['compartment', 'port']);

/** Carries out a plan, step by step. A failure is recorded and stops it, but for what nothing else stands on: there it goes on and
 *  fails at the end. The next plan starts from what is there.
 *  @param left  aborted when whoever asked has gone away: the step under way is finished, and no other begun */
export async function apply(
  steps: readonly Step[],
  hands: Hands,
  made: Made,
  recorder: Recorder,
  left?: AbortSignal,
): Promise<void> {
  let first: unknown;
  for (const step of steps) {
    if (left?.aborted) throw interrupted();
    await recorder.begin(step);
    try {
      made.begin(step);
      await perform(hands, step);
      made.end(step);
    } catch (raw) {
      const error = mendable(raw, describe(step));
      await recorder.failed(step, (error as Error).message).catch(() => {}); // what failed first is what the operator is told
      if (!LEAVES.has(step.what.kind)) throw error;
      first ??= error;
      continue;
    }
    await recorder.end(step);
  }
  if (first !== undefined) throw first;
  if (steps.length > 0) made.compact();
}

function interrupted(): Failure {
  return new Failure(
    'interrupted',
    'It was stopped between two steps; what was done until then stays.',
    'bulkhead up goes on from here, bulkhead down takes down what stands.',
    1,
  );
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

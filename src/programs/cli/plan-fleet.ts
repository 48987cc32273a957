import { observe } from '../../host/apply.ts';
import { observeCgroups } from '../../host/cgroup/cgroup-roots.ts';
import { Made } from '../../host/files/made.ts';
import { uidsFor } from '../../host/files/uid-book.ts';
import { mustBeSameFleet, mustHoldStored, readWanted } from '../../host/files/wanted.ts';
import { ordinaryUser } from '../../host/machine/ordinary-user.ts';
import { fleetFacts } from '../../host/view/compartment-facts.ts';
import { viewFacts } from '../../host/view/view-facts.ts';
import { Failure } from '../../model/failure.ts';
import type { WantedFleet } from '../../model/fleet.ts';
import { describe } from '../../plan/describe.ts';
import { fleetResources } from '../../plan/fleet.ts';
import type { Places } from '../../plan/places.ts';
import { machineKinds } from '../../plan/scope.ts';
import { planSteps } from '../../plan/step.ts';
import { hostHands } from './machine.ts';
import { wardenThere } from './warden-process.ts';

/** The fleet's part of the plan, in words: the warden's own where one runs. Nothing is changed.
 *  @throws Failure for all that can be known to stand in its way */
export async function planFleet(places: Places, fleet: WantedFleet): Promise<string[]> {
  const warden = await wardenThere(places);
  if (warden) {
    try {
      return ((await warden.call('fleet.plan', { fleet })) as { steps: string[] }).steps;
    } catch (error) {
      // A warden of an older version, which does not know a key of this one: it is ended before this is applied.
      if (!(error instanceof Failure) || error.code !== 'bad-fleet') throw error;
    } finally {
      warden.close();
    }
  }
  mustBeSameFleet(readWanted(places), fleet);
  const names = fleet.agents.map(({ name }) => name);
  const uids = uidsFor(places, fleet.fleet, names);
  const user = ordinaryUser();
  const host = { places, view: viewFacts(), cgroups: observeCgroups(), ...(user && { user }) };
  const { facts } = fleetFacts(fleet, host, uids);
  const wanted = fleetResources(fleet, facts);
  const made = new Made(places.made).list().filter((resource) => !machineKinds(resource, places));
  const steps = planSteps(wanted, await observe(hostHands(), wanted, made));
  mustHoldStored(steps);
  return steps.map(describe);
}

import { resolve } from 'node:path';
import { observe } from '../../../host/apply.ts';
import { observeCgroups } from '../../../host/cgroup-roots.ts';
import { fleetFacts } from '../../../host/compartment-facts.ts';
import { Made } from '../../../host/made.ts';
import { uidsFor } from '../../../host/uid-book.ts';
import { viewFacts } from '../../../host/view-facts.ts';
import type { WantedFleet } from '../../../model/fleet.ts';
import { describe } from '../../../plan/describe.ts';
import { fleetResources } from '../../../plan/fleet.ts';
import { type Places, placesOf } from '../../../plan/places.ts';
import { machineKinds } from '../../../plan/scope.ts';
import { planSteps } from '../../../plan/step.ts';
import type { Answer, Call } from '../call.ts';
import { readFleet } from '../config/read.ts';
import { hostHands, mustBeRoot, mustKnowFormat, planMachine } from '../machine.ts';
import { wardenThere } from '../warden-process.ts';

/** Every change `up` would make. Nothing is changed. */
export async function run({ state, options }: Call): Promise<Answer> {
  const fleet = readFleet(resolve(typeof options.file === 'string' ? options.file : 'fleet.yaml'));
  mustBeRoot('plan');
  const places = placesOf(state);
  mustKnowFormat(places);
  const machine = (await planMachine(places)).map(describe);
  const steps = await fleetSteps(places, fleet);
  return {
    document: { machine, steps },
    text: () => planText(machine, steps),
  };
}

async function fleetSteps(places: Places, fleet: WantedFleet): Promise<string[]> {
  const warden = await wardenThere(places);
  if (warden) {
    try {
      return ((await warden.call('fleet.plan', { fleet })) as { steps: string[] }).steps;
    } finally {
      warden.close();
    }
  }
  const uids = uidsFor(
    places.uids,
    fleet.agents.map(({ name }) => `${fleet.fleet}/${name}`),
  );
  const { facts } = fleetFacts(fleet, { places, view: viewFacts(), cgroups: observeCgroups() }, uids);
  const wanted = fleetResources(fleet, facts);
  const made = new Made(places.made).list().filter((resource) => !machineKinds(resource, places));
  return planSteps(wanted, await observe(hostHands(), wanted, made)).map(describe);
}

function planText(machine: readonly string[], steps: readonly string[]): string {
  if (machine.length + steps.length === 0) return 'Nothing to do: the machine is as the file says.';
  const part = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
  return [
    ...part('This machine', machine),
    ...part('The fleet', steps),
    '',
    `${machine.length + steps.length} steps. bulkhead up makes them.`,
  ].join('\n');
}

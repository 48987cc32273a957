import { resolve } from 'node:path';
import { describe } from '../../../plan/describe.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { readFleet } from '../config/read.ts';
import { mustBeOurs, planMachine } from '../machine.ts';
import { planFleet } from '../plan-fleet.ts';
import { mustBeState } from '../state.ts';

/** Every change `up` would make. Nothing is changed. */
export async function run({ state, options }: Call): Promise<Answer> {
  const fleet = readFleet(resolve(typeof options.file === 'string' ? options.file : 'fleet.yaml'));
  mustBeOurs('plan', placesOf(state));
  const places = placesOf(state);
  mustBeState(places);
  const machine = (await planMachine(places)).map(describe);
  const steps = await planFleet(places, fleet);
  return {
    document: { machine, steps },
    text: () => planText(machine, steps),
  };
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

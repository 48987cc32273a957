import { resolve } from 'node:path';
import { sudoersOf } from '../../../host/elevate/sudoers.ts';
import { readWanted } from '../../../host/files/wanted.ts';
import type { WantedFleet } from '../../../model/fleet.ts';
import { describe } from '../../../plan/describe.ts';
import { type Places, placesOf } from '../../../plan/places.ts';
import { shown } from '../../../policy/display.ts';
import { termsChanged } from '../../../policy/terms.ts';
import type { Answer, Call } from '../call.ts';
import { readFleet } from '../config/read.ts';
import { mustBeOurs, planMachine } from '../machine.ts';
import { planFleet } from '../plan-fleet.ts';
import { secretsOnDisk } from '../secret-keeping.ts';
import { mustBeState } from '../state.ts';

/** Every change `up` would make. Nothing is changed. */
export async function run({ state, options }: Call): Promise<Answer> {
  const fleet = readFleet(resolve(typeof options.file === 'string' ? options.file : 'fleet.yaml'));
  if (options.sudoers === true) return sudoers(fleet);
  mustBeOurs('plan', placesOf(state));
  const places = placesOf(state);
  mustBeState(places);
  const machine = (await planMachine(places)).map(describe);
  const steps = await planFleet(places, fleet);
  const terms = termsChanged(readWanted(places), fleet);
  const unset = unsetSecrets(places, fleet);
  return {
    document: { machine, steps, terms, unset },
    text: () => planText(machine, steps, terms, unset),
  };
}

/** The policy goes to standard output, whole; what is to be done with it stands in it. */
function sudoers(fleet: WantedFleet): Answer {
  const { text, granted, refused } = sudoersOf(fleet);
  const path = `/etc/sudoers.d/bulkhead-${fleet.fleet}`;
  const how = [
    `# ${granted} granted, ${refused.length} left out.`,
    '# bulkhead-do needs none of this, and sudo never works inside a compartment: nothing gains privileges there. This is for processes that',
    '# run as an agent’s user outside of one. To install it: sudoers: true in fleet.yaml (up checks and makes it, down takes it away); or by hand:',
    `#   bulkhead plan --sudoers > F && visudo -c -f F && install -m 0440 F ${path}`,
    '# sudo joins the arguments with blanks before it compares them, so "a b" as one word passes for a and b as two.',
  ];
  const whole = `${text}${how.join('\n').replaceAll('’', "'")}\n`;
  return { document: { sudoers: whole, granted, refused }, text: () => whole.trimEnd() };
}

/** Names of secrets that agents are to use and nobody has set. */
function unsetSecrets(places: Places, fleet: WantedFleet): string[] {
  const kept = secretsOnDisk(places).map(({ name }) => name);
  const wanted = fleet.agents.flatMap(({ secrets = [] }) => secrets.map(({ secret }) => secret));
  return [...new Set(wanted)].filter((name) => !kept.includes(name));
}

function planText(
  machine: readonly string[],
  steps: readonly string[],
  terms: readonly string[],
  unset: readonly string[],
): string {
  const count = machine.length + steps.length;
  const part = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${shown(line)}`)];
  return [
    ...(count + terms.length === 0 ? ['Nothing to do: the machine is as the file says.'] : []),
    ...part('This machine', machine),
    ...part('The fleet', steps),
    ...part('What the file grants', terms),
    ...(unset.length > 0 ? ['', ...unset.map((name) => `Not set yet: bulkhead secrets set ${name}`)] : []),
    ...(count > 0
      ? ['', `${count === 1 ? 'One step. bulkhead up makes it.' : `${count} steps. bulkhead up makes them.`}`]
      : terms.length > 0
        ? ['', 'No step on the machine; bulkhead up puts it in force.']
        : []),
  ].join('\n');
}

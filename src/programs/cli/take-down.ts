import { existsSync, readdirSync, rmSync } from 'node:fs';
import { observe } from '../../host/apply.ts';
import { lockFile } from '../../host/lock.ts';
import { Made } from '../../host/made.ts';
import { Failure } from '../../model/failure.ts';
import { describe } from '../../plan/describe.ts';
import type { Places } from '../../plan/places.ts';
import type { Resource } from '../../plan/resource.ts';
import { machineKinds } from '../../plan/scope.ts';
import { planSteps, type Step } from '../../plan/step.ts';
import { carryOut, hostHands } from './machine.ts';
import { endWarden, wardenGone, wardenThere } from './warden-process.ts';

const STAYING: ReadonlySet<Resource['kind']> = new Set(['user', 'group', 'folder', 'disk']);

/** Ends the fleet, through the warden if one runs, else by what the journal says was made.
 *  @returns the steps, in words */
export async function takeDown(places: Places, purge: boolean): Promise<string[]> {
  if (!existsSync(places.state)) return [];
  if (!lockFile(`${places.state}/up.lock`))
    throw new Failure(
      'busy',
      'Another up or down of this state is under way.',
      'Wait for it to end and run the command again.',
      1,
    );
  const asked = await askWarden(places, purge);
  if (!(await wardenGone(places, 5_000))) endWarden(places);
  if (!(await wardenGone(places, 20_000)))
    throw new Failure('warden-stays', 'The warden does not end.', 'See: bulkhead logs warden', 3);
  const done = [...asked, ...(await withoutWarden(places, purge)).map(describe)];
  if (purge) for (const folder of [places.ledger, places.gateway, places.logs, places.agentLogs]) empty(folder);
  if (purge) for (const file of [places.wanted, places.uids, places.heldAgents]) rmSync(file, { force: true });
  return done;
}

async function askWarden(places: Places, purge: boolean): Promise<string[]> {
  const warden = await wardenThere(places);
  if (!warden) return [];
  try {
    return ((await warden.call('fleet.down', { purge })) as { steps: string[] }).steps;
  } finally {
    warden.close();
  }
}

/** What is left when there is no warden (any more): its death has ended every agent. */
async function withoutWarden(places: Places, purge: boolean): Promise<Step[]> {
  const made = new Made(places.made).list().filter((resource) => !machineKinds(resource, places));
  const staying = purge ? [] : made.filter(({ kind }) => STAYING.has(kind));
  const steps = planSteps(staying, await observe(hostHands(), staying, made)).filter((step) => step.do === 'remove');
  await carryOut(places, steps);
  return steps;
}

function empty(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (`${folder}/${name}` !== folder) rmSync(`${folder}/${name}`, { recursive: true, force: true });
}

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { observe } from '../../host/apply.ts';
import { Made } from '../../host/files/made.ts';
import { mustHoldNoMount, removeTree } from '../../host/files/mounts.ts';
import { uidOf } from '../../host/machine/accounts.ts';
import { ordinaryUser } from '../../host/machine/ordinary-user.ts';
import { endProcess } from '../../host/processes/processes.ts';
import { processesOfUids, programsOf } from '../../host/processes/warden-processes.ts';
import { describe } from '../../plan/describe.ts';
import { groundOf } from '../../plan/machine.ts';
import type { Places } from '../../plan/places.ts';
import { machineKinds, outlivesDown } from '../../plan/scope.ts';
import { planSteps, type Step } from '../../plan/step.ts';
import type { Client } from '../../wire/client.ts';
import { carryOut, hostHands } from './machine.ts';
import { mustBeState, takeTurn } from './state.ts';
import { endKeeping, endWarden, wardenThere } from './warden-process.ts';

/** A warden that does not answer is ended all the same. */
const PATIENCE_MS = 45_000;
const LEAVES_MS = 5_000;

/** Ends the fleet, through the warden if one runs, and whatever that leaves by what the journal says was made.
 *  @returns the steps, in words */
export async function takeDown(places: Places, purge: boolean): Promise<string[]> {
  if (!existsSync(places.state)) return [];
  mustBeState(places);
  takeTurn(places);
  await endKeeping(places);
  const asked = await askWarden(places, purge);
  await endWarden(places, asked === undefined ? 0 : LEAVES_MS);
  endPrograms(places);
  const done = [...(asked ?? []), ...(await withoutWarden(places, purge)).map(describe)];
  if (purge)
    for (const folder of [places.ledger, places.gateway, places.secrets, places.logs, places.agentLogs]) empty(folder);
  const { wanted, uids, heldAgents, elevated, inbox } = places;
  const files = [wanted, uids, heldAgents, elevated, ...['', '-wal', '-shm'].map((end) => `${inbox}${end}`)];
  if (purge) for (const file of files) rmSync(file, { force: true });
  return done;
}

/** @returns undefined when there is none, or it did not manage: then it is done without it */
async function askWarden(places: Places, purge: boolean): Promise<string[] | undefined> {
  const warden = await wardenThere(places);
  if (!warden) return undefined;
  const late = wait(PATIENCE_MS, undefined, { ref: false });
  try {
    return await Promise.race([down(warden, purge), late]);
  } finally {
    warden.close();
  }
}

/** Whatever keeps the warden from it is in its log, and met again by the steps that are done without it. */
async function down(warden: Client, purge: boolean): Promise<string[] | undefined> {
  try {
    return ((await warden.call('fleet.down', { purge })) as { steps: string[] }).steps;
  } catch {
    return undefined;
  }
}

/** Ledger, gateway and gate end with their warden; one that is stopped or hangs does not. */
function endPrograms(places: Places): void {
  for (const pid of programsOf(places)) endProcess(pid);
  if (ordinaryUser()) return;
  const { users } = groundOf(places.state);
  const uids = [uidOf(users.gateway), uidOf(users.ledger)].filter((uid) => uid !== undefined);
  for (const pid of processesOfUids(uids)) endProcess(pid);
}

/** What is left when there is no warden (any more): its death has ended every agent. */
async function withoutWarden(places: Places, purge: boolean): Promise<Step[]> {
  const made = new Made(places.made).list().filter((resource) => !machineKinds(resource, places));
  const staying = purge ? [] : made.filter(outlivesDown);
  const steps = planSteps(staying, await observe(hostHands(), staying, made)).filter((step) => step.do === 'remove');
  await carryOut(places, steps);
  return steps;
}

function empty(folder: string): void {
  if (!existsSync(folder)) return;
  mustHoldNoMount(folder);
  for (const name of readdirSync(folder)) if (`${folder}/${name}` !== folder) removeTree(`${folder}/${name}`);
}

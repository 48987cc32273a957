import { resolve } from 'node:path';
import { thisTree } from '../../../host/files/tree.ts';
import { readWanted } from '../../../host/files/wanted.ts';
import { ordinaryUser } from '../../../host/machine/ordinary-user.ts';
import type { SshKeyEntry, SshKeysDocument, StatusDocument } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import type { WantedFleet } from '../../../model/fleet.ts';
import { describe } from '../../../plan/describe.ts';
import { type Places, placesOf } from '../../../plan/places.ts';
import type { Step } from '../../../plan/step.ts';
import { shown } from '../../../policy/display.ts';
import { termsChanged } from '../../../policy/terms.ts';
import type { Client } from '../../../wire/client.ts';
import type { Answer, Call } from '../call.ts';
import { readFleet } from '../config/read.ts';
import { mustHoldCompartments } from '../fit.ts';
import { untilInterrupted } from '../interrupt.ts';
import { carryOut, mustBeOurs, planMachine } from '../machine.ts';
import { planFleet } from '../plan-fleet.ts';
import { toRegister } from '../render/ssh-keys.ts';
import { renderStatus, statusExit } from '../render/status.ts';
import { ensureIdentity } from '../seal.ts';
import { leaveNothingEmpty, mustBeState, takeTurn, withNumbers } from '../state.ts';
import { endWarden, startWarden, wardenThere } from '../warden-process.ts';

/** Puts the fleet up as the file says; returns when it stands and every wall has been measured. */
export async function run({ state, options }: Call): Promise<Answer> {
  const fleet = readFleet(resolve(typeof options.file === 'string' ? options.file : 'fleet.yaml'));
  mustBeOurs('up', placesOf(state));
  const places = placesOf(state);
  // In a container whose root is not ours nobody's folders look like root's: what it cannot do is said first.
  if (ordinaryUser()) await mustHoldUnlessUp(places);
  mustBeState(places);
  if (!ordinaryUser()) await mustHoldUnlessUp(places);
  takeTurn(places);
  return untilInterrupted(async (left) => {
    const begun = Date.now();
    const before = readWanted(places);
    const { machine, warden } = await withNumbers(left, () => groundFor(places, fleet, left));
    const client = warden ?? (await startWarden(places, thisTree().version, left));
    left.addEventListener('abort', () => client.close());
    try {
      const letGo = options.letGo === true;
      const { steps } = await withNumbers(left, () =>
        asked<{ steps: string[] }>(client, left, 'fleet.apply', { fleet, letGo }),
      );
      await asked(client, left, 'fleet.settled');
      const status = await asked<StatusDocument>(client, left, 'status');
      const done = [...machine.map(describe), ...steps];
      const terms = before ? termsChanged(before, fleet) : [];
      const made = fleet.agents.some(({ ssh }) => ssh)
        ? (await asked<SshKeysDocument>(client, left, 'ssh.keys')).keys.filter((key) => isNew(key, begun))
        : [];
      const register = made.length === 0 ? '' : `${toRegister(made).join('\n')}\n\n`;
      return {
        document: { steps: done, terms, status, ...(made.length > 0 && { register: made }) },
        text: (screen) => `${doneText(done, terms)}\n\n${register}${renderStatus(status, screen)}`,
        exit: statusExit(status),
      };
    } finally {
      client.close();
    }
  });
}

function doneText(steps: readonly string[], terms: readonly string[]): string {
  if (steps.length + terms.length === 0) return 'Nothing to do: the machine is as the file says.';
  return [...steps, ...terms.map(shown)].join('\n');
}

/** Made by this up: whoever runs it is told once. */
function isNew({ since }: SshKeyEntry, begun: number): boolean {
  return since !== undefined && Date.parse(since) >= begun;
}

/** Everything that can be known to stand in the way is said before anything is made.
 *  @returns the machine's part of the plan; the fleet's is the warden's */
async function decide(places: Places, fleet: WantedFleet): Promise<Step[]> {
  try {
    const machine = await planMachine(places);
    await planFleet(places, fleet);
    return machine;
  } catch (error) {
    leaveNothingEmpty(places);
    throw error;
  }
}

async function mustHoldUnlessUp(places: Places): Promise<void> {
  const warden = await wardenThere(places);
  warden?.close();
  if (!warden) await mustHoldCompartments(places);
}

/** What a warden stands on, made as it is planned. One that runs an older copy is ended first: its agents stop, and come back with the new one.
 *  @returns the warden that runs already, from the newest copy */
async function groundFor(
  places: Places,
  fleet: WantedFleet,
  left: AbortSignal,
): Promise<{ readonly machine: readonly Step[]; readonly warden: Client | undefined }> {
  const machine = await decide(places, fleet);
  const before = await wardenThere(places);
  const stays = before !== undefined && !machine.some(({ what }) => what.kind === 'copy');
  if (!stays) {
    before?.close();
    await endWarden(places);
  }
  await carryOut(places, machine, left);
  await ensureIdentity(places);
  return { machine, warden: stays ? before : undefined };
}

async function asked<T>(client: Client, left: AbortSignal, request: string, body: object = {}): Promise<T> {
  try {
    return (await client.call(request, body)) as T;
  } catch (error) {
    if (error instanceof Failure || left.aborted) throw error;
    throw new Failure(
      'warden-ended',
      `The warden ended while it put the fleet up (${(error as Error).message}).`,
      'It starts again by itself and goes on; bulkhead up shows how far it is, bulkhead logs warden why it ended.',
      1,
    );
  }
}

import { freeSystemId, uidOf } from '../../host/accounts.ts';
import { apply, observe, type Recorder } from '../../host/apply.ts';
import { observeCgroups } from '../../host/cgroup-roots.ts';
import { cgroupHand, netnses } from '../../host/hands/compartment-ground.ts';
import { copies } from '../../host/hands/copies.ts';
import { disks } from '../../host/hands/disks.ts';
import { files, folders, held, links } from '../../host/hands/folders.ts';
import type { Hand, Hands } from '../../host/hands/hand.ts';
import { systemdRuns, units } from '../../host/hands/units.ts';
import { groups, users } from '../../host/hands/users.ts';
import { Made } from '../../host/made.ts';
import { thisTree } from '../../host/tree.ts';
import { writableByOthers } from '../../host/writable.ts';
import { Failure } from '../../model/failure.ts';
import { groundOf, machineResources } from '../../plan/machine.ts';
import type { Places } from '../../plan/places.ts';
import type { Resource } from '../../plan/resource.ts';
import { machineKinds } from '../../plan/scope.ts';
import { planSteps, type Step } from '../../plan/step.ts';

/** What root does by itself before there is a warden, and after there is none: the programs' own ground on this machine. */

/** Nothing of the fleet runs without a warden, so what is wanted is not there; what one that died had made has ended with it, and
 *  only the journal still lists it. */
const notRunning: Hand<Resource> = {
  observe: (what, { wanted }) => (wanted ? undefined : what),
  make: () => {
    throw new Error('only the warden starts agents');
  },
  remove: () => {},
};

export function hostHands(): Hands {
  return {
    group: groups,
    user: users,
    folder: folders,
    file: files,
    copy: copies,
    link: links,
    unit: units,
    disk: disks,
    held,
    cgroup: cgroupHand(observeCgroups()),
    netns: netnses,
    compartment: notRunning as Hands['compartment'],
    port: notRunning as Hands['port'],
    policy: notRunning as Hands['policy'],
  };
}

/** There is no ledger yet: the journal of what was made is the record, and the warden's first entries tell of it. */
export const unrecorded: Recorder = { begin: async () => {}, end: async () => {}, failed: async () => {} };

/** The machine's part of the plan. */
export async function planMachine(places: Places): Promise<Step[]> {
  const ground = groundOf(places.state);
  const gateway = uidOf(ground.users.gateway) ?? freeSystemId(new Set());
  const ledger = uidOf(ground.users.ledger) ?? freeSystemId(new Set([gateway]));
  const wanted = machineResources({
    places,
    tree: thisTree(),
    ids: { gateway, ledger },
    ground,
    systemd: systemdRuns(),
  });
  const made = new Made(places.made).list().filter((resource) => machineKinds(resource, places));
  return planSteps(wanted, await observe(hostHands(), wanted, made));
}

export async function carryOut(places: Places, steps: readonly Step[], left?: AbortSignal): Promise<void> {
  await apply(steps, hostHands(), new Made(places.made), unrecorded, left);
}

/** @throws Failure unless this is root, run from a tree that nobody else can write */
export function mustBeRoot(what: string): void {
  if (process.getuid?.() !== 0)
    throw new Failure(
      'needs-root',
      `${what} changes users, mounts and rules of this machine, which takes root.`,
      `Run it as root: sudo bulkhead ...`,
      3,
    );
  const { from } = thisTree();
  const [open] = writableByOthers(from);
  if (open !== undefined)
    throw new Failure(
      'tree-writable',
      `${open} can be written by somebody besides root, and root would run what is in it.`,
      `Make it root's alone: chown -R root:root ${from} && chmod -R go-w ${from}`,
      3,
    );
}

import { accessSync, constants, existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { apply, observe, type Recorder } from '../../host/apply.ts';
import { observeCgroups } from '../../host/cgroup/cgroup-roots.ts';
import { Made } from '../../host/files/made.ts';
import { thisTree } from '../../host/files/tree.ts';
import { writableByOthers } from '../../host/files/writable.ts';
import { groundHands } from '../../host/hands/ground.ts';
import type { Hand, Hands } from '../../host/hands/hand.ts';
import { systemdRuns } from '../../host/hands/units.ts';
import { freeSystemId, uidOf } from '../../host/machine/accounts.ts';
import { ordinaryUser } from '../../host/machine/ordinary-user.ts';
import { Failure } from '../../model/failure.ts';
import { groundOf, machineResources } from '../../plan/machine.ts';
import { type Places, userState } from '../../plan/places.ts';
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
    ...groundHands(observeCgroups()),
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
  const user = ordinaryUser();
  if (user) return steps(places, machineResources({ ...NO_ROOT, places, tree: thisTree(), ground, user }));
  const gateway = uidOf(ground.users.gateway) ?? freeSystemId(new Set());
  const ledger = uidOf(ground.users.ledger) ?? freeSystemId(new Set([gateway]));
  const wanted = machineResources({
    places,
    tree: thisTree(),
    ids: { gateway, ledger },
    ground,
    systemd: systemdRuns(),
  });
  return steps(places, wanted);
}

const NO_ROOT = { ids: { gateway: 0, ledger: 0 }, systemd: false } as const;

async function steps(places: Places, wanted: readonly Resource[]): Promise<Step[]> {
  const made = new Made(places.made).list().filter((resource) => machineKinds(resource, places));
  return planSteps(wanted, await observe(hostHands(), wanted, made));
}

export async function carryOut(places: Places, steps: readonly Step[], left?: AbortSignal): Promise<void> {
  await apply(steps, hostHands(), new Made(places.made), unrecorded, left);
}

/** @throws Failure unless this is the user of the state, root from a tree that nobody else can write */
export function mustBeOurs(what: string, { state }: Places): void {
  const user = ordinaryUser();
  if (user) {
    const own = userState(process.env) ?? '~/.local/state/bulkhead';
    if (!mayHold(state, user.uid))
      throw new Failure(
        'needs-root',
        `${state} is not yours, and ${what} there changes users, mounts and rules of this machine, which takes root.`,
        `Run it as root: sudo bulkhead ${what} ...    or, without root, with a state of your own: --state ${own}`,
        3,
      );
    return;
  }
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

/** A state that is this user's, or may be made so: the first folder above it that is there is one that the user may write. */
function mayHold(state: string, uid: number): boolean {
  const there = lstatSync(state, { throwIfNoEntry: false });
  if (there) return there.uid === uid;
  let above = dirname(state);
  while (!existsSync(above)) above = dirname(above);
  try {
    accessSync(above, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

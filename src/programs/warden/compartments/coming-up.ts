import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../model/failure.ts';
import type { StandingFleet } from '../fleet.ts';
import type { Compartment } from './compartment.ts';

/** How long a request waits for an agent that is being put up, and for one that failed, which is tried again by itself: what dies
 *  once is back in a tenth of a second (backoff.ts), and more than that is somebody's to hear of. */
const STARTING_MS = 20_000;
const FAILED_MS = 2_000;
const LOOK_MS = 20;

/** The agent's compartment once it is neither being put up nor just about to be: after a warden that died, in the middle of an
 *  `up`, after a compartment that ended by itself. Whether anything can be started in it then, its state says.
 *  @param gone  whoever asked has left
 *  @throws Failure `no-such-agent`; `not-up`; `still-starting`; `left` */
export async function cameUp(fleet: StandingFleet, name: string, gone: () => boolean): Promise<Compartment> {
  const begun = Date.now();
  for (;;) {
    const waited = Date.now() - begun;
    const there = fleet.compartments.get(name);
    const comes = there
      ? there.state === 'starting' || (there.state === 'failed' && waited < FAILED_MS)
      : fleet.changing && fleet.wants(name);
    if (!comes) return fleet.compartment(name);
    if (gone()) throw new Failure('left', 'Whoever asked has left.', 'Nothing was begun.', 1);
    if (waited > STARTING_MS)
      throw new Failure(
        'still-starting',
        `${name} has not come up in ${STARTING_MS / 1000} s, and is still being started.`,
        'What it waits for: bulkhead status, and bulkhead logs warden',
        1,
      );
    await sleep(LOOK_MS);
  }
}

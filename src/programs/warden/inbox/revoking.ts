import type { Still } from '../../../host/processes/family.ts';
import type { RevokedDocument } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import type { Question } from '../../../model/question.ts';
import type { CommandTerms } from '../../../policy/question/command.ts';
import { type DestinationTerms, destinationTerms } from '../../../policy/question/destination.ts';
import type { Compartment } from '../compartments/compartment.ts';
import type { StandingFleet } from '../fleet.ts';
import { type Tried, tryCommand, tryDestination } from '../probes/trying.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import type { Record } from '../record.ts';
import type { Running } from '../sessions/running.ts';
import type { Budgets } from './budgets.ts';
import type { Destinations } from './destinations.ts';
import type { Inbox } from './inbox.ts';

export interface Around {
  readonly inbox: Inbox;
  readonly fleet: StandingFleet;
  readonly record: Record;
  readonly destinations: Destinations;
  readonly budgets: Pick<Budgets, 'settled'>;
  readonly running: Running;
  readonly gateway: () => GatewayLink | undefined;
  /** Ends commands that run outside under an approval. @returns how many */
  readonly endOutside?: (question: number) => number;
}

/** Takes an answer back: ends what runs under it, then tries, from inside and as the agent, whether it is refused.
 *  @param by  uid of the operator */
export async function revoke(around: Around, id: number, by: number): Promise<RevokedDocument> {
  const { inbox, record, running, fleet } = around;
  const before = inbox.get(id);
  const { agent, kind, shown } = before;
  const lived = before.state === 'approved' || before.state === 'used';
  const terms = kind === 'destination' && lived ? destinationTerms(before.terms) : undefined;
  const gateway = around.gateway();
  // What runs ends before anything else: it needs no record, and waits for none. What cannot be ended is said, once nothing more can be
  // started: an agent must not be able to keep its approval by what it does.
  let left: unknown;
  const end = (): Promise<number> =>
    running.end(id, stillness(fleet.compartments.get(agent))).catch((error: unknown) => {
      left = error;
      return 0;
    });
  let ended = kind === 'command' ? await end() : 0;
  if (terms && gateway) ended += await gateway.revoke(agent, { id, ...terms });
  if (kind === 'elevated') ended += around.endOutside?.(id) ?? 0;
  try {
    const over = before.state === 'used' || before.state === 'withdrawn';
    if (!over) await inbox.withdraw(id, by);
    else if (ended > 0 || left !== undefined)
      record.tell({ event: 'grant.revoked', agent, id, kind, digest: before.digest, shown, operator: by });
    else throw notStanding(before);
    if (kind === 'command') {
      left = undefined;
      ended += await end(); // what was started since, or could not be ended before
    }
    await around.destinations.settled();
    await around.budgets.settled();
    const tested = lived ? await tryIt(around, before, terms) : undefined;
    const test = tested && { tested: tested.result, ...(tested.why && { why: tested.why }) };
    if (lived) record.tell({ event: 'revoke.tested', agent, id, kind, ended, tested: 'nothing to try', ...test });
    if (left !== undefined) throw stillRuns(before, left);
    return { id, agent, kind, shown, ended, ...test };
  } finally {
    if (terms) await gateway?.unbar(agent).catch(() => {}); // a gateway that is gone has no bar either
  }
}

async function tryIt(
  { fleet, gateway }: Around,
  { agent, kind, terms }: Question,
  destination: DestinationTerms | undefined,
): Promise<Tried | undefined> {
  if (kind !== 'command' && !destination) return undefined;
  if (destination && !gateway())
    return { result: 'unknown', why: 'the gateway is not running, so nothing passes at all' };
  const compartment: Compartment | undefined = fleet.compartments.get(agent);
  if (!compartment?.standing || compartment.state === 'paused')
    return { result: 'unknown', why: `${agent} is ${compartment?.state ?? 'down'}, so nothing can be tried in it` };
  if (destination) return tryDestination(compartment, destination);
  return tryCommand(compartment, terms as unknown as CommandTerms);
}

/** Frozen as by `pause`, for the moment that it takes. */
function stillness(compartment: Compartment | undefined): Still {
  const frozen = compartment === undefined || compartment.state === 'paused' || !compartment.standing;
  return {
    among: () => compartment?.processes() ?? [],
    hold: async () => void (frozen || (await compartment.pause())),
    letGo: async () => void (frozen || (await compartment.resume())),
  };
}

function stillRuns({ id, agent }: Question, why: unknown): Failure {
  return new Failure(
    'still-runs',
    `Approval ${id} is taken back, but what runs under it could not be held still: ${(why as Error).message}`,
    `bulkhead revoke ${id} tries again; bulkhead stop ${agent} ends all of it.`,
    1,
  );
}

function notStanding({ id, agent, shown }: Question): Failure {
  return new Failure(
    'not-standing',
    `Approval ${id} was used and nothing runs under it (${agent}: ${shown.slice(0, 80)}).`,
    'bulkhead grants lists what is in force.',
    1,
  );
}

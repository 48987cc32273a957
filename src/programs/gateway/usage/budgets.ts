import { inTime } from '../../../host/in-time.ts';
import type { Cap } from '../../../model/budget.ts';
import type { Spent } from '../../../policy/meter/caps.ts';
import type { Reply } from '../asking.ts';
import type { Compartment } from '../compartment.ts';
import type { Outside } from '../door.ts';
import { LIMITS } from '../limits.ts';

/** Why a budget stops something, as the agent is told. */
export interface Stopped {
  readonly why: string;
  readonly ask: string;
}

/** 402 where a model was called (RFC 9110, 15.5.3): after 403, its clients speak of a wrong key. No number that they would try again by themselves. */
export function stoppedStatus(costly: boolean): number {
  return costly ? 402 : 403;
}

/** Something that counts, tried until it is counted or stopped: where a cap is reached, a person hears of it once, and where policy says so is
 *  asked for as much again; what waits is held for a short time.
 *  @param hold  false: it is not held
 *  @param count  counts it, or says why not */
export async function admit(
  { meter, name, answers }: Compartment,
  {
    inbox,
    finding,
    recorder,
    hold = true,
  }: Pick<Outside, 'inbox' | 'finding' | 'recorder'> & { readonly hold?: boolean },
  count: () => Spent | undefined,
): Promise<Stopped | undefined> {
  const first = count();
  if (first === undefined) return undefined;
  const { cap, why, reached } = first;
  if (reached !== undefined && meter.tell(cap)) {
    recorder.appendSoon([{ event: 'budget.reached', agent: name, cap, ...reached }]).catch(() => {}); // a refusal needs no record first
    finding(name, why);
  }
  if (reached === undefined || !meter.budget.ask) return stopped(first);
  const asked = await askForMore(inbox, name, {
    cap,
    day: meter.today.day,
    upTo: reached.limit + (meter.budget[cap] ?? 0),
  });
  if (typeof asked === 'string') return stopped({ ...first, why: `${why}, and ${asked}` });
  const { id, state, deadline } = asked;
  if (id === undefined || state === 'flood')
    return stopped({ ...first, why: `${why}, and ${asked.why ?? 'nobody could be asked'}` });
  if (state === 'refused') return stopped({ ...first, why: `${why}; a person refused more (question ${id})` });
  const ended = await answers.wait(id, hold ? Math.min(meter.askMs, LIMITS.heldMs) : 0, () =>
    meter.allowances.some((one) => one.id === id),
  );
  const second = count();
  if (second === undefined) return undefined;
  if (ended !== undefined) return stopped({ ...second, why: `${second.why}; question ${id} was ${ended}` });
  const until = deadline === undefined ? '' : ` until ${new Date(deadline).toISOString()}`;
  const ask = `question ${id} waits for your operator${until}; try again once it is approved`;
  return stopped({ ...second, why: `${second.why}; waiting for approval ${id}`, ask });

  function stopped({ why, ask }: Spent): Stopped {
    meter.refused();
    return { why, ask };
  }
}

async function askForMore(
  inbox: Outside['inbox'],
  agent: string,
  terms: { readonly cap: Cap; readonly day: string; readonly upTo: number },
): Promise<Reply | string> {
  try {
    return await inTime(inbox.askBudget(agent, terms), LIMITS.askMs);
  } catch (error) {
    return `nobody could be asked: ${(error as Error).message}`;
  }
}

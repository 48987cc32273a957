import type { Result } from './command.ts';
import type { Stand } from './stand.ts';

const ROUNDS = 5;

/** What a round of probes says once it is like this, or the last of five rounds: in a probe each answer is waited for two seconds, and a machine that
 *  is busy for longer is no wall that has fallen.
 *  @param like  by default: all is well */
export async function probed(
  stand: Stand,
  like: (said: Result) => boolean = ({ status }) => status === 0,
): Promise<Result> {
  let said = await stand.bulkhead(['status', '--probe', '--json']);
  for (let round = 1; round < ROUNDS && !like(said); round++)
    said = await stand.bulkhead(['status', '--probe', '--json']);
  return said;
}

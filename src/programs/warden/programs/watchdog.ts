import { setTimeout as sleep } from 'node:timers/promises';
import { inTime } from '../../../host/in-time.ts';

const EVERY_MS = 12_000;
/** One question may go without an answer because the whole machine stood still. */
const SILENT = 3;

/** Asks somebody who must not hang, now and then, and says so once no answer came to three questions in a row. Whoever says that it cannot answer
 *  does answer. Goes on for as long as this process lives.
 *  @param who  the one to be asked now; undefined while there is none
 *  @param hangs  when it rejects, it is called again */
export async function watch<T>(
  who: () => T | undefined,
  ask: (who: T) => Promise<unknown>,
  hangs: (silentMs: number) => Promise<void>,
  everyMs: number = EVERY_MS,
): Promise<never> {
  let silent = 0;
  for (let asked: T | undefined; ; ) {
    await sleep(everyMs, undefined, { ref: false });
    const now = who();
    if (now !== asked) silent = 0;
    asked = now;
    if (asked === undefined) continue;
    silent = (await answers(ask(asked), everyMs)) ? 0 : silent + 1;
    if (silent < SILENT || who() !== asked) continue;
    silent = await hangs((2 * SILENT - 1) * everyMs).then(
      () => 0,
      () => SILENT - 1,
    );
  }
}

function answers(answer: Promise<unknown>, ms: number): Promise<boolean> {
  const said = answer.catch(() => {});
  return inTime(said, ms).then(
    () => true,
    () => false,
  );
}

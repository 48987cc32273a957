import { inTime } from '../../../host/in-time.ts';
import { Failure } from '../../../model/failure.ts';

/** A gateway that is busy is waited for this long; the machine may be slow. */
const SOON_MS = 5000;
const LONGEST_MS = 30_000;

/** A gateway that hangs must not keep anybody from its status. */
export function soon<T>(work: Promise<T>, ms: number = SOON_MS): Promise<T> {
  return inTime(work, ms);
}

/** What an operator asked for comes to an end, whatever the gateway does.
 *  @throws Failure `gateway-hangs`; what was asked for may still be done */
export function answered<T>(work: Promise<T>, ms: number = LONGEST_MS): Promise<T> {
  return inTime(work, ms, () => {
    const hint =
      'See whether it was done once it answers. It is ended and started again after a minute; bulkhead logs gateway may say why.';
    return new Failure('gateway-hangs', `The gateway has not answered for ${ms / 1000} s.`, hint, 1);
  });
}

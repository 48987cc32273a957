import { urlToHttpOptions } from 'node:url';
import { Failure } from '../../model/failure.ts';
import { ownRequest } from './own-request.ts';

const LONGEST_MS = 10_000;

/** Posts a notice of the warden's to the address in fleet.yaml: an operator's, so no rule applies to it. What answers is not read beyond
 *  its status, and redirects are not followed.
 *  @throws Failure `not-told` with one line why, without the address: it may hold a token */
export async function postNotice(url: string, type: string, body: string): Promise<void> {
  const failed = (why: string): Failure => new Failure('not-told', why, 'Look at notify: in fleet.yaml.', 1);
  const target = new URL(url);
  const { status } = await ownRequest({
    ...{ ...urlToHttpOptions(target), protocol: target.protocol, method: 'POST' },
    headers: { 'content-type': type },
    ...{ body, longestMs: LONGEST_MS, longestAnswer: 0 },
  }).catch(({ code, message }: NodeJS.ErrnoException) => {
    throw failed(`the webhook was not reached: ${code ?? message}`);
  });
  if (status < 200 || status >= 300) throw failed(`the webhook answered ${status}`);
}

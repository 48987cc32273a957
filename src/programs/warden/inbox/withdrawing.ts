import { Failure } from '../../../model/failure.ts';
import type { Question } from '../../../model/question.ts';
import { standing } from '../../../policy/approval.ts';
import type { Inbox } from './inbox.ts';

/** Takes back what stands of these, of the warden's own accord. What ends by itself meanwhile, or is answered with no, is over anyway.
 *  @throws Failure `inbox-broken` */
export async function withdrawEach(inbox: Inbox, which: (question: Question) => boolean, why: string): Promise<void> {
  const now = Date.now();
  const standingNow = inbox.all().filter((question) => which(question) && standing(question, now) !== 'none');
  for (const { id } of standingNow)
    await inbox.withdraw(id, undefined, why).catch((error: unknown) => {
      if (!(error instanceof Failure && OVER.has(error.code))) throw error;
    });
}

const OVER: ReadonlySet<string> = new Set(['not-waiting', 'no-such-question']);

import type { RevokedDocument } from '../../../model/documents.ts';
import { questionNumber } from '../answering.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { renderRevoked } from '../render/approvals.ts';

/** Exit 1 when it was tried and got through. */
export async function run({ operands, state }: Call): Promise<Answer> {
  const id = questionNumber('revoke', operands[0]);
  const revoked = await withWarden(
    state,
    'nothing can be revoked, and no gate lets anything through',
    async (warden) => (await warden.call('grant.revoke', { question: id })) as RevokedDocument,
  );
  return {
    document: revoked,
    text: (screen) => renderRevoked(revoked, screen),
    exit: revoked.tested === 'reached' ? 1 : 0,
  };
}

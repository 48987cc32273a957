import type { GrantsDocument } from '../../../model/documents.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { renderGrants } from '../render/approvals.ts';

export async function run({ state }: Call): Promise<Answer> {
  const grants = await withWarden(
    state,
    'nothing is granted',
    async (warden) => (await warden.call('grants')) as GrantsDocument,
  );
  return { document: grants, text: (screen) => renderGrants(grants, screen) };
}

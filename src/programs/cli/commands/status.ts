import type { StatusDocument } from '../../../model/documents.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { renderStatus, statusExit } from '../render/status.ts';

export async function run({ state, options }: Call): Promise<Answer> {
  const status = await withWarden(state, 'no wall is known to stand', async (warden) => {
    if (options.probe) await warden.call('probe');
    return (await warden.call('status')) as StatusDocument;
  });
  return { document: status, text: (screen) => renderStatus(status, screen), exit: statusExit(status) };
}

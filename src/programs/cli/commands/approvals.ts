import type { ApprovalEntry, ApprovalsDocument } from '../../../model/documents.ts';
import { shownJson } from '../../../policy/display.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { renderApprovals, renderChange } from '../render/approvals.ts';

/** With `--watch` and `--json`: one document a line. */
export async function run({ options, json, screen, state }: Call): Promise<Answer | number> {
  const watch = options.watch === true;
  return withWarden(state, 'nothing is asked and nothing is granted', async (warden) => {
    const ended = Promise.withResolvers<never>();
    const before = warden.onEnd;
    warden.onEnd = (why) => {
      before(why);
      ended.reject(why);
    };
    ended.promise.catch(() => {}); // awaited only when watching
    let told: Promise<void> = Promise.resolve();
    const started = Promise.withResolvers<void>();
    warden.onNotice = (notice) => {
      const { question } = notice as { question: ApprovalEntry };
      const text = json ? shownJson(question) : renderChange(question, { ...screen, now: Date.now() });
      told = told.then(() => started.promise).then(() => screen.write(`${text}\n`));
    };
    const approvals = (await warden.call('approvals', {
      all: options.all === true,
      follow: watch,
    })) as ApprovalsDocument;
    if (!watch) return { document: approvals, text: (screen) => renderApprovals(approvals, screen) };
    for (const one of json ? approvals.approvals : []) screen.write(`${shownJson(one)}\n`);
    if (!json) screen.write(`${renderApprovals(approvals, screen)}\n`);
    started.resolve();
    return ended.promise;
  });
}

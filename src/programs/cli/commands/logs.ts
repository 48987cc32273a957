import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../../model/failure.ts';
import { agentName } from '../../../model/names.ts';
import { shownJson, shownLine } from '../../../policy/display.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { lastLines } from '../logfile.ts';
import { counted } from '../numbers.ts';

/** With `-f` and `--json`: one document a line. */
export async function run(call: Call): Promise<Answer | number> {
  const { options, screen } = call;
  const subject = agentName(call.operands[0]); // programs are named by the same rule
  if (options.tried === true) {
    if (options.follow === true)
      throw new Failure('usage', 'bulkhead logs takes --tried or --follow, not both', 'Leave one out.');
    return (await import('../tried.ts')).triedBy(subject, call);
  }
  const last = counted('--last', options.last, 100, 100_000);
  const follow = options.follow === true;
  if (!follow && !existsSync(join(call.state, 'run/warden.sock'))) {
    const lines = lastLines(call.state, subject, last);
    if (lines !== undefined) return answer(subject, lines);
  }
  return withWarden(call.state, 'nothing is being logged', async (warden) => {
    const ended = Promise.withResolvers<never>();
    const before = warden.onEnd;
    warden.onEnd = (why) => {
      before(why);
      ended.reject(why);
    };
    ended.promise.catch(() => {}); // awaited only when following
    const put = (line: string): void => screen.write(`${call.json ? shownJson({ subject, line }) : shownLine(line)}\n`);
    const early: string[] = [];
    warden.onNotice = (notice) => void early.push((notice as { line: string }).line);
    const { lines } = (await warden.call('logs', { subject, follow, last })) as { lines: readonly string[] };
    if (!follow) return answer(subject, lines.slice(Math.max(0, lines.length - last)));
    for (const line of [...lines.slice(Math.max(0, lines.length - last)), ...early]) put(line);
    warden.onNotice = (notice) => put((notice as { line: string }).line);
    return ended.promise;
  });
}

function answer(subject: string, lines: readonly string[]): Answer {
  return { document: { subject, lines }, text: () => lines.map(shownLine).join('\n') };
}

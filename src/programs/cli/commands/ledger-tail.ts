import { agentName } from '../../../model/names.ts';
import { shownJson } from '../../../policy/display.ts';
import type { Client } from '../../../wire/client.ts';
import type { Answer, Call } from '../call.ts';
import { withLedger } from '../connect.ts';
import { counted } from '../numbers.ts';
import { EntryLines, type LedgerEntry } from '../render/entry.ts';

interface Wanted {
  readonly agent?: string;
  readonly event?: string;
  readonly last: number;
}

/** With `-f` and `--json`: one document a line. */
export async function run(call: Call): Promise<Answer | number> {
  const { options } = call;
  const wanted: Wanted = {
    ...(typeof options.agent === 'string' && { agent: agentName(options.agent) }),
    ...(typeof options.event === 'string' && { event: options.event }),
    last: counted('--last', options.last, 20, 10_000),
  };
  return withLedger(call.state, 'its record cannot be read', async (ledger) => {
    if (options.follow) return follow(call, wanted, ledger);
    const { entries } = (await ledger.call('read', wanted)) as { entries: readonly LedgerEntry[] };
    return {
      document: { entries },
      text: (screen) => new EntryLines(screen).lines(entries).join('\n') || 'No such entries.',
    };
  });
}

async function follow({ json, screen }: Call, wanted: Wanted, ledger: Client): Promise<never> {
  const shape = new EntryLines(screen);
  const put = (some: readonly LedgerEntry[]): void => {
    for (const line of json ? some.map((entry) => shownJson(entry)) : shape.lines(some)) screen.write(`${line}\n`);
  };
  const { entries, size } = (await ledger.call('read', wanted)) as { entries: readonly LedgerEntry[]; size: number };
  put(entries);
  ledger.onNotice = (notice) => {
    const { entry } = notice as { entry?: LedgerEntry };
    if (entry === undefined) return;
    if (wanted.agent !== undefined && entry.agent !== wanted.agent) return;
    if (wanted.event !== undefined && entry.event !== wanted.event) return;
    put([entry]);
  };
  const ended = Promise.withResolvers<never>();
  const before = ledger.onEnd;
  ledger.onEnd = (why) => {
    before(why);
    ended.reject(why);
  };
  await ledger.call('follow', { from: size });
  return ended.promise;
}

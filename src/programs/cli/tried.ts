import { age } from '../../policy/age.ts';
import { DRILLS, REFUSED, type Tried, type TriedEntry, tried } from '../../policy/tried.ts';
import type { Answer, Call, Screen } from './call.ts';
import { withLedger } from './connect.ts';
import { aligned, type Cell, cell } from './render/table.ts';

/** Entries of one event that are looked at, the latest. */
const MOST = 10_000;

/** `logs AGENT --tried`: what was refused, by what was tried, each with the line that would allow it. */
export async function triedBy(agent: string, { state }: Call): Promise<Answer> {
  const entries = await withLedger(state, 'what was tried cannot be read', async (ledger) => {
    const all: TriedEntry[] = [];
    for (const event of [...REFUSED, ...DRILLS]) {
      const { entries } = (await ledger.call('read', { agent, event, last: MOST })) as { entries: TriedEntry[] };
      all.push(...entries);
    }
    return all;
  });
  const found = tried(agent, entries);
  return { document: { agent, tried: found }, text: (screen) => render(agent, found, screen) };
}

function render(agent: string, found: readonly Tried[], screen: Screen): string {
  if (found.length === 0) return `${agent} was refused nothing, as far as the record goes back.`;
  return aligned(
    found.flatMap(({ what, count, last, why, allow }): Cell[][] => [
      [cell(String(count), 'bold'), cell(`${what}  (last ${age(screen.now - Date.parse(last))}: ${why})`)],
      ...(allow === null ? [] : [[cell(''), cell(allow, 'dim')]]),
    ]),
    screen,
  ).join('\n');
}

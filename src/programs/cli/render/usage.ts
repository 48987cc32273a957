import type { UsageDocument, UsageEntry } from '../../../model/usage.ts';
import { amount, dollars, sized } from '../../../policy/meter/caps.ts';
import type { Screen } from '../call.ts';
import { aligned, type Cell, cell, table } from './table.ts';

/** One row for an agent and day; below, its budgets, and what is not known of what it used. */
export function renderUsage({ usage }: UsageDocument, screen: Screen): string {
  if (usage.length === 0) return 'No agent has used anything.';
  const head = ['AGENT', 'DAY', 'REQUESTS', 'UP', 'DOWN', 'RUNS', 'INPUT', 'CACHED', 'OUTPUT', 'MONEY', 'REFUSED'];
  const notes = usage.flatMap(notesOf);
  return [...table(head, usage.map(row), screen), ...(notes.length > 0 ? ['', ...aligned(notes, screen)] : [])].join(
    '\n',
  );
}

function row(one: UsageEntry): Cell[] {
  const { tokens, money, unpriced, unsaid } = one;
  const plus = unsaid.answers > 0 ? '+' : '';
  return [
    cell(one.agent, 'bold'),
    cell(one.day),
    cell(number(one.requests)),
    cell(sized(one.up)),
    cell(sized(one.down)),
    cell(number(one.runs)),
    cell(`${number(tokens.input + tokens.cacheWrite + tokens.cacheWriteHour)}${plus}`),
    cell(number(tokens.cacheRead)),
    cell(`${number(tokens.output)}${plus}`),
    cell(unpriced.length > 0 ? `${dollars(money * 1_000_000)} + unknown` : dollars(money * 1_000_000)),
    cell(one.refused > 0 ? number(one.refused) : '', 'red'),
  ];
}

function notesOf({ agent, day, unsaid, unpriced, caps }: UsageEntry): Cell[][] {
  const note = (text: string): Cell[] => [cell(`  ${agent}`), cell(day), cell(text)];
  const answers = (count: number): string => (count === 1 ? 'one answer' : `${number(count)} answers`);
  return [
    ...caps.map(({ cap, used, limit, more }) =>
      note(
        `${amount(cap, used)} of ${amount(cap, limit)} a day${more > 0 ? `, ${amount(cap, more)} of it given today` : ''}`,
      ),
    ),
    ...(unsaid.answers > 0
      ? [note(`unknown: ${answers(unsaid.answers)} did not say how many tokens; at most ${number(unsaid.atMost)}`)]
      : []),
    ...unpriced.map((one) =>
      note(`unknown: the price of ${one.model} (${answers(one.answers)}); fleet.yaml can say it: prices`),
    ),
  ];
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}

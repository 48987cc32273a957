import type { UsageDocument, UsageEntry } from '../../../model/usage.ts';
import { shown } from '../../../policy/display.ts';
import { amount, dollars, sized } from '../../../policy/meter/caps.ts';
import type { Screen } from '../call.ts';
import { aligned, type Cell, cell, columns, table } from './table.ts';

/** One row for an agent and day; below, its budgets, and what is not known of what it used. */
export function renderUsage({ usage }: UsageDocument, screen: Screen): string {
  if (usage.length === 0) return 'No agent has used anything.';
  const notes = usage.flatMap(notesOf);
  return [...tables(usage.map(row), screen), ...(notes.length > 0 ? ['', ...aligned(notes, screen)] : [])].join('\n');
}

const WHOSE = ['AGENT', 'DAY'];
const TRAFFIC = ['REQUESTS', 'UP', 'DOWN', 'RUNS', 'REFUSED'];
const MODELS = ['INPUT', 'CACHED', 'OUTPUT', 'MONEY'];

/** One table, or where the screen is too narrow for it two: what passed, and what models used. */
function tables(rows: readonly Readonly<Record<string, Cell>>[], screen: Screen): string[] {
  const of = (head: readonly string[]): string[] =>
    table(
      head,
      rows.map((one) => head.map((name) => one[name] ?? cell(''))),
      screen,
    );
  const whole = [...WHOSE, ...TRAFFIC.slice(0, -1), ...MODELS, 'REFUSED'];
  const widths = whole.map((name) =>
    Math.max(name.length, ...rows.map((one) => columns(shown(one[name]?.text ?? '')))),
  );
  if (widths.reduce((sum, width) => sum + width + 2, -2) <= screen.width) return of(whole);
  return [...of([...WHOSE, ...TRAFFIC]), '', ...of([...WHOSE, ...MODELS])];
}

function row(one: UsageEntry): Record<string, Cell> {
  const { tokens, money, unpriced, unsaid } = one;
  const plus = unsaid.answers > 0 ? '+' : '';
  return {
    AGENT: cell(one.agent, 'bold'),
    DAY: cell(one.day),
    REQUESTS: cell(number(one.requests)),
    UP: cell(sized(one.up)),
    DOWN: cell(sized(one.down)),
    RUNS: cell(number(one.runs)),
    INPUT: cell(`${number(tokens.input + tokens.cacheWrite + tokens.cacheWriteHour)}${plus}`),
    CACHED: cell(number(tokens.cacheRead)),
    OUTPUT: cell(`${number(tokens.output)}${plus}`),
    MONEY: cell(unpriced.length > 0 ? `${dollars(money * 1_000_000)} + unknown` : dollars(money * 1_000_000)),
    REFUSED: cell(one.refused > 0 ? number(one.refused) : '', 'red'),
  };
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

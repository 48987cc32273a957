import type { AccessResult, AttackResult, DrillDocument } from '../../../drill/verdict.ts';
import type { Format, Screen } from '../call.ts';
import { aligned, type Cell, cell, table } from './table.ts';

const STYLE: Readonly<Record<AttackResult['result'] | AccessResult['result'], Format>> = {
  held: 'green',
  ok: 'green',
  'not-applicable': 'dim',
  error: ['red', 'bold'],
  breached: ['red', 'bold'],
  'cut-off': ['red', 'bold'],
};

/** For each agent a row per line of the list of attacks (its variants counted), then every result that is bad, in full, then
 *  what was not tried and why. */
export function renderDrill(document: DrillDocument, screen: Screen): string {
  const agents = [...new Set([...document.attacks, ...document.access].map(({ agent }) => agent))];
  return agents.flatMap((agent) => renderAgent(agent, document, screen)).join('\n');
}

function renderAgent(agent: string, document: DrillDocument, screen: Screen): string[] {
  const attacks = document.attacks.filter((one) => one.agent === agent);
  const access = document.access.filter((one) => one.agent === agent);
  const tried = attacks.filter(({ result }) => result !== 'not-applicable');
  const lines = [...Map.groupBy(tried, ({ line }) => line)].sort(([a], [b]) => a - b);
  const bad = [...attacks, ...access].filter(({ result }) => ['breached', 'cut-off', 'error'].includes(result));
  const left = attacks.filter(({ result }) => result === 'not-applicable');
  const out = [screen.style('bold', agent), ''];
  out.push(
    ...table(
      ['ATTACK', 'RESULT', 'HELD BY'],
      lines.map(([, same]) => lineRow(same)),
      screen,
    ),
    '',
  );
  out.push(...table(['ACCESS', 'RESULT', ''], access.map(accessRow), screen), '');
  if (bad.length > 0)
    out.push(
      ...aligned(
        bad.map(({ id, result, why }) => [cell(result, STYLE[result]), cell(id), cell(why ?? '')]),
        screen,
      ),
      '',
    );
  if (left.length > 0) out.push('Not tried:', ...aligned(left.map(leftRow), screen), '');
  out.push(summary(agent, attacks, access), '');
  return out;
}

/** `a09-connect-to-ip-hex` and its like are shown as what they have in common. */
function lineRow(same: readonly AttackResult[]): Cell[] {
  const counts = [...Map.groupBy(same, ({ result }) => result)].map(([result, list]) => ({
    result,
    count: list.length,
  }));
  const worst = counts.find(({ result }) => result !== 'held') ?? counts[0];
  const text = counts.map(({ result, count }) => (same.length === 1 ? result : `${count} ${result}`)).join(', ');
  return [
    cell(common(same.map(({ id }) => id))),
    cell(text, worst === undefined ? undefined : STYLE[worst.result]),
    cell([...new Set(same.map(({ control }) => control))].join('; ')),
  ];
}

export function common(ids: readonly string[]): string {
  const [first = [], ...rest] = ids.map((id) => id.split('-'));
  const shared = first.findIndex((word, at) => rest.some((other) => other[at] !== word));
  return (shared < 0 ? first : first.slice(0, Math.max(1, shared))).join('-');
}

function accessRow({ id, result, tries, why }: AccessResult): Cell[] {
  return [
    cell(id.replace(/^access-/, '')),
    cell(result, STYLE[result]),
    cell(result === 'ok' ? tries : (why ?? tries)),
  ];
}

function leftRow({ id, why = '', step }: AttackResult): Cell[] {
  return [cell(id, 'dim'), cell(step === undefined ? why : `${why} (step ${step})`)];
}

function summary(agent: string, attacks: readonly AttackResult[], access: readonly AccessResult[]): string {
  const count = (result: string): number => [...attacks, ...access].filter((one) => one.result === result).length;
  const words = ['held', 'breached', 'error', 'not-applicable', 'ok', 'cut-off'] as const;
  const counted = words.filter((word) => count(word) > 0).map((word) => `${count(word)} ${word}`);
  return `${agent}: ${counted.join(', ')}.`;
}

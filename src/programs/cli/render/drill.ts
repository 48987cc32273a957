import { type AccessResult, type AttackResult, type DrillDocument, unheldBecause } from '../../../drill/verdict.ts';
import type { Format, Screen } from '../call.ts';
import { renderDifference } from './drill-difference.ts';
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
export function renderDrill(document: DrillDocument, screen: Screen, seconds: number): string {
  const agents = [...new Set([...document.attacks, ...document.access].map(({ agent }) => agent))];
  const ways = new Set(document.attacks.filter(({ result }) => result === 'held').map(({ id }) => id)).size;
  const sums = agents.map((agent) => summary(agent, document));
  return [
    ...agents.flatMap((agent) => renderAgent(agent, document, screen)),
    ...renderDifference(document, screen),
    ...sums,
    `${ways} attacks, each first seen to succeed where its wall is absent; ${Math.round(seconds)} s.`,
  ].join('\n');
}

function renderAgent(agent: string, document: DrillDocument, screen: Screen): string[] {
  const attacks = document.attacks.filter((one) => one.agent === agent);
  const access = document.access.filter((one) => one.agent === agent);
  const tried = attacks.filter(({ result }) => result !== 'not-applicable');
  const lines = [...Map.groupBy(tried, ({ line }) => line)].sort(([a], [b]) => a - b);
  const bad = [...attacks, ...access].filter(({ result }) => ['breached', 'cut-off', 'error'].includes(result));
  const unheld = attacks.filter((one) => unheldBecause(one) !== undefined);
  const left = attacks.filter((one) => one.result === 'not-applicable' && !unheld.includes(one));
  const tier = attacks.find((one) => one.tier !== undefined)?.tier;
  const out = [`${screen.style('bold', agent)}${tier === undefined ? '' : `  tier ${tier}`}`, ''];
  const [absent] = access;
  if (absent && [...attacks, ...access].every(({ result, why }) => result === absent.result && why === absent.why))
    return [...out, screen.style(['red', 'bold'], `Not drilled: ${absent.why ?? ''}`), ''];
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
  if (unheld.length > 0)
    out.push(
      screen.style('bold', 'Not held:'),
      ...aligned(
        unheld.map((one) => [cell(one.id), cell(unheldBecause(one) ?? '')]),
        screen,
      ),
      '',
    );
  if (left.length > 0) out.push('Not tried:', ...aligned(left.map(leftRow), screen), '');
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
    cell([...new Set(same.flatMap(({ control }) => control.split('; ')))].join('; ')),
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

function summary(agent: string, document: DrillDocument): string {
  const all = [...document.attacks, ...document.access].filter((one) => one.agent === agent);
  const unheld = document.attacks.filter((one) => one.agent === agent && unheldBecause(one) !== undefined).length;
  const count = (result: string): number =>
    result === 'unheld'
      ? unheld
      : all.filter((one) => one.result === result).length - (result === 'not-applicable' ? unheld : 0);
  const words = {
    ...{ held: 'held', breached: 'breached', error: 'error', unheld: 'not held' },
    'not-applicable': 'not applicable',
  };
  const access = { ok: 'granted things work', 'cut-off': 'cut off' };
  const counted = Object.entries({ ...words, ...access }).map(([result, text]) => `${count(result)} ${text}`);
  return `${agent}: ${counted.filter((text) => !/^0 (?:error|cut|not held)/.test(text)).join(', ')}`;
}

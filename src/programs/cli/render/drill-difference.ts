import { type AttackResult, type DrillDocument, unheldBecause } from '../../../drill/verdict.ts';
import type { Screen } from '../call.ts';
import { type Cell, cell, table } from './table.ts';

/** Tiers from the weakest to the strongest (src/model/fleet.ts). */
const ORDER: readonly string[] = ['user', 'sandbox', 'container', 'vm'];

/** What one tier of the fleet holds and another does not, attack by attack; nothing for a fleet of one tier. */
export function renderDifference({ attacks }: DrillDocument, screen: Screen): string[] {
  const tiers = ORDER.filter((tier) => attacks.some((one) => one.tier === tier));
  if (tiers.length < 2) return [];
  const rows = [...Map.groupBy(attacks, ({ id }) => id)].flatMap(([id, same]) => {
    const of = (tier: string): AttackResult[] => same.filter((one) => one.tier === tier);
    const words = tiers.map((tier) => word(of(tier)));
    if (!words.includes('held') || !words.some((one) => one === 'not held' || one === 'breached')) return [];
    const why = same.map((one) => unheldBecause(one) ?? (one.result === 'breached' ? one.why : undefined));
    return [[cell(id), ...words.map(dressed), cell(why.find((text) => text !== undefined) ?? '')]];
  });
  if (rows.length === 0) return [`Tiers ${tiers.join(' and ')} hold the same attacks.`, ''];
  return [
    screen.style('bold', 'Where the tiers differ'),
    '',
    ...table(['ATTACK', ...tiers.map(upper), 'WHY'], rows, screen),
    '',
  ];
}

/** What several agents of one tier come to: the worst counts. */
function word(results: readonly AttackResult[]): string {
  if (results.some(({ result }) => result === 'breached')) return 'breached';
  if (results.some((one) => unheldBecause(one) !== undefined)) return 'not held';
  return results.some(({ result }) => result === 'held') ? 'held' : '-';
}

function dressed(text: string): Cell {
  return cell(text, text === 'held' ? 'green' : text === '-' ? 'dim' : ['red', 'bold']);
}

function upper(tier: string): string {
  return tier.toUpperCase();
}

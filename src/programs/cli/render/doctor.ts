import type { Severity } from '../../../checks/finding.ts';
import type { HostFacts } from '../../../checks/machine/facts.ts';
import { type Row, runsSandbox } from '../../../checks/machine/judge.ts';
import type { Format, Screen } from '../call.ts';
import { aligned, type Cell, cell, wrapped } from './table.ts';

const WORD: Readonly<Record<Severity, readonly [string, Format]>> = {
  critical: ['missing', ['red', 'bold']],
  high: ['partly', 'red'],
  medium: ['mend', 'yellow'],
  low: ['note', 'dim'],
};

const UNKNOWN: readonly [string, Format] = ['unknown', ['red', 'bold']];

/** One row a check; under what is not as it should be, how to mend it. */
export function renderDoctor(facts: HostFacts, rows: readonly Row[], screen: Screen): string {
  const cells = rows.flatMap(({ subject, evidence, finding, unknown }): Cell[][] => {
    if (finding === undefined) return [[cell('  ok', 'green'), cell(subject), cell(evidence)]];
    const [word, style] = unknown ? UNKNOWN : WORD[finding.severity];
    return [
      [cell(`  ${word}`, style), cell(subject), cell(evidence)],
      [cell(''), cell(''), cell(`-> ${finding.remedy}`, 'cyan')],
    ];
  });
  const critical = rows.filter(({ finding }) => finding?.severity === 'critical');
  const unknown = critical.filter((row) => row.unknown).length;
  const counts = [
    ...(critical.length > unknown ? [`${critical.length - unknown} missing`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ];
  const verdict = runsSandbox(rows)
    ? screen.style(['green', 'bold'], 'This machine can run tier sandbox.')
    : screen.style(['red', 'bold'], `Tier sandbox cannot be started here: ${counts.join(', ')}.`);
  return [...wrapped(facts.distribution.name, screen.width), '', ...aligned(cells, screen), '', verdict].join('\n');
}

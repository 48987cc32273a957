import type { Verification } from '../../../ledger/verify.ts';
import { shown } from '../../../policy/display.ts';
import type { Screen } from '../call.ts';
import { aligned, cell } from './table.ts';

/** @param ownKey  the verifier key came from the folder itself */
export function renderVerification(dir: string, found: Verification, ownKey: boolean, screen: Screen): string {
  if (!found.ok) {
    const count = found.problems.length === 1 ? 'one problem' : `${found.problems.length} problems`;
    const rows = found.problems.map(({ at, code, message }) => [cell(`  ${at}`), cell(code, 'red'), cell(message)]);
    return [
      screen.style(['red', 'bold'], `The record in ${shown(dir)} is not whole: ${count}.`),
      '',
      ...aligned(rows, screen),
    ].join('\n');
  }
  const rows: (readonly [string, string])[] = [
    ['root', found.root],
    ['key', ownKey ? `${found.key} (from the folder itself: compare it with a copy, or use --key)` : found.key],
    ['gaps', found.gaps === 0 ? 'none' : `${found.gaps} marked: bulkhead ledger tail --event gap`],
    ...(found.unsigned > 0 ? [['unsigned', `${found.unsigned} newer entries wait for the next head`] as const] : []),
    [
      'continues',
      found.continues.length > 0
        ? `the head at ${found.continues.join(', ')}`
        : 'not asked: --checkpoint holds it against a head kept elsewhere',
    ],
  ];
  const head = `All ${found.size} entries in ${shown(dir)} are what was signed.`;
  const lines = rows.map(([name, text]) => [cell(`  ${name}`, 'dim'), cell(text)]);
  return [screen.style(['green', 'bold'], head), '', ...aligned(lines, screen)].join('\n');
}

import type { SecretChanged } from '../../../model/documents.ts';
import type { SecretTried } from '../../../model/secret-upkeep.ts';
import type { Screen } from '../call.ts';
import { wrapped } from './table.ts';

/** What became of each value that was tried, as it was found. */
export function testedLines(name: string, tested: readonly SecretTried[], { width }: Screen): string[] {
  const several = tested.some(({ value }) => value === 'old');
  const said = tested.map((one) => {
    const which = several ? `The ${one.value} value of ${name}` : `The value of ${name}`;
    if (one.found === 'unclear')
      return `NOT KNOWN: ${which} was tried without an answer: ${one.why ?? 'no reason was given'}.`;
    const found = one.found === 'works' ? 'is accepted' : 'is refused';
    const said = `${which} ${found} (${one.status}).`;
    if (one.found === one.wanted) return said;
    return one.value === 'old'
      ? `FAILED: ${said} Revoke it where it was issued, then: bulkhead secrets test ${name}`
      : `FAILED: ${said} It stays in force: nothing is rolled back. Give a good one: bulkhead secrets rotate ${name}`;
  });
  return said.flatMap((line) => wrapped(line, width, '  '));
}

/** 1 when a value was tried and did not do what it should. */
export function testedExit(tested: readonly SecretTried[] | undefined): 0 | 1 {
  return (tested ?? []).every(({ found, wanted }) => found === wanted) ? 0 : 1;
}

export function endedText({ ended, tookMs }: Pick<SecretChanged, 'ended' | 'tookMs'>): string {
  if (ended === 0) return '';
  return ` ${ended} open ${ended === 1 ? 'connection was' : 'connections were'} ended, in ${tookMs} ms.`;
}

export function findingLines(name: string, findings: SecretChanged['findings'], { width }: Screen): string[] {
  return (findings ?? []).flatMap(({ text }) => wrapped(`Look at ${name}: ${text}.`, width, '  '));
}

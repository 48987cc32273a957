import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call, Screen } from '../call.ts';
import { endedText, findingLines } from '../render/tested.ts';
import { readSecret } from '../secret-input.ts';
import { findingsBefore, keep, nextSteps } from '../secret-keeping.ts';

export async function run({ operands, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const value = await readSecret(name);
  const places = placesOf(state);
  const kept = await keep(places, name, value);
  const findings = kept?.findings ?? findingsBefore(value);
  const more = findings.length > 0 ? { findings } : {};
  const said = (first: string, screen: Screen): string => [first, ...findingLines(name, findings, screen)].join('\n');
  if (kept === undefined)
    return {
      document: { secret: name, state: 'waiting', ...more },
      text: (screen) => said(`${name} is kept; the gateway takes it with the next up.`, screen),
    };
  const { replaced = false, ended, tookMs } = kept;
  const next = await nextSteps(places, name);
  return {
    document: { secret: name, state: 'set', replaced, ended, tookMs, ...more },
    text: (screen) =>
      [said(`${name} is ${replaced ? 'replaced' : 'set'}, and in force.${endedText(kept)}`, screen), ...next].join(
        '\n',
      ),
  };
}

import type { SecretEntry } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Answer, Call, Screen } from '../call.ts';
import { whoAsks } from '../config/read.ts';
import { mint } from '../mint.ts';
import { endedText, findingLines, testedExit, testedLines } from '../render/tested.ts';
import { readSecret } from '../secret-input.ts';
import { findingsBefore, keep, secretStates } from '../secret-keeping.ts';

/** A new value for a secret that is set, by hand or from the operator's command; then both values are tried where a test is configured. */
export async function run({ operands, options, state }: Call): Promise<Answer> {
  const name = secretName(operands[0]);
  const places = placesOf(state);
  const entry = (await secretStates(places)).find((one) => one.name === name && one.state !== 'missing');
  if (entry === undefined)
    throw new Failure(
      'no-such-secret',
      `there is no secret ${name} to rotate`,
      `Set it: bulkhead secrets set ${name}`,
      1,
    );
  if (entry.signIn)
    throw new Failure(
      'signed-in',
      `${name} is a sign-in, whose tokens the gateway renews by itself; another value would end that`,
      `For another sign-in: bulkhead secrets login ${entry.signIn.harness} --as ${name}. For a key in its place: bulkhead secrets set ${name}`,
      1,
    );
  const value = await newValue(entry, options.byHand === true);
  const kept = await keep(places, name, value, 'rotate');
  const findings = kept?.findings ?? findingsBefore(value);
  const more = findings.length > 0 ? { findings } : {};
  const notes = (screen: Screen): string[] => findingLines(name, findings, screen);
  if (kept === undefined)
    return {
      document: { secret: name, state: 'waiting', ...more },
      text: (screen) => [`${name} is kept; the gateway takes it with the next up.`, ...notes(screen)].join('\n'),
    };
  const { ended, tookMs, tested } = kept;
  const first = `${name} has its new value, in force.${endedText(kept)}`;
  const rest = (screen: Screen): string[] =>
    tested ? testedLines(name, tested, screen) : ['Revoke the old one where it was issued.'];
  return {
    document: { secret: name, state: 'rotated', ended, tookMs, ...(tested && { tested }), ...more },
    text: (screen) => [first, ...rest(screen), ...notes(screen)].join('\n'),
    exit: testedExit(tested),
  };
}

function newValue({ name, rotate }: SecretEntry, byHand: boolean): Promise<string> {
  if (rotate?.command === undefined || byHand) return readSecret(name);
  return mint(rotate.command, invoker() ?? rotate.user);
}

/** Under sudo, whoever typed it. */
function invoker(): string | undefined {
  const { user } = whoAsks();
  return user === 'root' ? undefined : user;
}

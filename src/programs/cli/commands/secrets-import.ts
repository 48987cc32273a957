import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Failure } from '../../../model/failure.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import { type Found, type Left, readDotenv, secretsIn } from '../../../policy/dotenv.ts';
import { usedAs } from '../../../policy/secret-presets.ts';
import type { Answer, Call } from '../call.ts';
import { findingLines } from '../render/tested.ts';
import { findingsBefore, keep, secretStates } from '../secret-keeping.ts';

/** What looks like a secret in a .env file is kept, each under a name made from its variable; the file stays as it is, and so does what is
 *  set already, unless it is to be replaced. */
export async function run({ operands, options, state }: Call): Promise<Answer> {
  const file = resolve(operands[0] ?? '.env');
  const { variables, malformed } = readDotenv(read(file));
  const { found, left } = secretsIn(variables);
  const leftText = leftLines(left, malformed);
  if (found.length === 0)
    throw new Failure(
      'nothing-found',
      `nothing in ${file} looks like a secret that can be kept`,
      [...leftText, 'Set one by name: bulkhead secrets set NAME'].join(' '),
      1,
    );
  const places = placesOf(state);
  const there = (await secretStates(places)).filter((one) => one.state !== 'missing').map(({ name }) => name);
  const isThere = ({ secret }: Found): boolean => there.includes(secret);
  const already = options.replace === true ? [] : found.filter(isThere);
  const kept = found.filter((one) => !already.includes(one));
  const done: string[] = [];
  const findings: { secret: string; id: string; text: string }[] = [];
  for (const { variable, secret } of kept) {
    const answer = await keep(places, secretName(secret), variable.value).catch((error) => {
      throw error instanceof Failure && done.length > 0 ? afterSome(error, done) : error;
    });
    done.push(secret);
    findings.push(
      ...(answer?.findings ?? findingsBefore(variable.value)).map(({ id, text }) => ({ secret, id, text })),
    );
  }
  return {
    document: {
      imported: kept.map((one) => ({ variable: one.variable.name, secret: one.secret, replaced: isThere(one) })),
      alreadySet: already.map(({ variable, secret }) => ({ variable: variable.name, secret })),
      left: left.map(({ variable: { name, line }, why }) => ({ variable: name, line, why })),
      notUnderstood: malformed,
      findings,
    },
    text: (screen) =>
      [
        kept.length > 0 ? `Kept ${kept.length}: ${names(kept)}.` : 'Nothing new was kept.',
        ...(already.length > 0
          ? [
              `Already set, and left as ${already.length === 1 ? 'it is' : 'they are'}: ${names(already)}. With the ${already.length === 1 ? 'value' : 'values'} from here: bulkhead secrets import ${operands[0] ?? '.env'} --replace`,
            ]
          : []),
        ...leftText,
        ...findings.flatMap((one) => findingLines(one.secret, [one], screen)),
        'For the agent that uses them, in fleet.yaml:',
        'secrets:',
        ...found.map(({ variable: { name }, secret }) => `  ${usedAs(name, secret)}`),
        `Then take those lines out of ${file}: they hold the values in the clear.`,
      ].join('\n'),
  };
}

function names(some: readonly Found[]): string {
  return some.map(({ secret }) => secret).join(', ');
}

/** What stays in the file and nowhere else. */
function leftLines(left: readonly Left[], malformed: readonly number[]): string[] {
  return [
    ...left.map(
      ({ variable: { name, line }, why }) =>
        `Not kept, though it looks like a secret: ${name} (line ${line}): it ${why}.`,
    ),
    ...(malformed.length > 0
      ? [
          `Not understood: ${malformed.length === 1 ? 'line' : 'lines'} ${malformed.slice(0, 10).join(', ')}${malformed.length > 10 ? ' and more' : ''}.`,
        ]
      : []),
  ];
}

function afterSome({ code, message, hint, exit, at }: Failure, done: readonly string[]): Failure {
  const more = `Kept before that: ${done.join(', ')}; run it again for the rest.`;
  return new Failure(code, message, `${hint} ${more}`, exit, at);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(
      'no-file',
      `${file} cannot be read (${code})`,
      'Name the file: bulkhead secrets import PATH/.env',
    );
  }
}

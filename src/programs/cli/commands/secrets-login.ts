import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SecretChanged } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { secretName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import { HARNESSES, isHarness, readSignIn } from '../../../policy/sign-in.ts';
import type { Answer, Call } from '../call.ts';
import { whoAsks } from '../config/read.ts';
import { withWarden } from '../connect.ts';
import { findingLines } from '../render/tested.ts';
import { sealed } from '../seal.ts';
import { ownPlacesOf } from '../secret-own.ts';

/** Takes over a sign-in to a subscription that the harness has made: from here on the gateway has the tokens, and refreshes them. */
export async function run({ operands, options, state }: Call): Promise<Answer> {
  const harness = operands[0] ?? '';
  if (!isHarness(harness))
    throw new Failure(
      'unknown-harness',
      `${JSON.stringify(harness)} is no harness whose sign-in can be taken`,
      `Known: ${Object.keys(HARNESSES).join(', ')}. Others: bulkhead secrets set NAME, with a key of its service.`,
    );
  const { file: usual, apart, variable, egress, careful } = HARNESSES[harness];
  const piped = options.from === '-';
  const file = resolve(typeof options.from === 'string' ? options.from : join(whoAsks().home ?? '/', usual));
  const name = secretName(typeof options.as === 'string' ? options.as : harness);
  const signIn = readSignIn(harness, piped ? readFileSync(0, 'utf8') : read(file));
  if (signIn === undefined)
    throw new Failure(
      'no-sign-in',
      `${piped ? 'what was piped in' : file} holds no sign-in of ${harness}`,
      `Sign in with it first, in a folder of its own: ${apart}`,
    );
  const own = ownPlacesOf(signIn.access, process.env);
  const { findings = [] } = await withWarden(
    placesOf(state).state,
    'nobody could refresh the sign-in',
    async (warden) => {
      const { recipient } = (await warden.call('secrets.recipient')) as { recipient: string };
      const bytes = Buffer.from(await sealed(JSON.stringify(signIn), recipient)).toString('base64');
      return (await warden.call('secrets.login', { name, sealed: bytes, own })) as SecretChanged;
    },
  );
  return {
    document: { secret: name, harness, findings },
    text: (screen) =>
      [
        `${name} is signed in; the gateway has the tokens, and refreshes them.`,
        'For the agent, in fleet.yaml:',
        `egress: [${egress}]`,
        `secrets: { ${variable}: ${name} }`,
        `Delete ${piped ? 'the copy that you piped in' : file}, or sign in anew there: of two who refresh one sign-in, one is signed out.`,
        ...(careful === undefined ? [] : [careful]),
        'An agent that is up finds it with its next start: bulkhead restart AGENT',
        ...findingLines(name, findings, screen),
      ].join('\n'),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('no-file', `${file} cannot be read (${code})`, 'Name the file: --from FILE', 2);
  }
}

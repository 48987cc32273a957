import { existsSync } from 'node:fs';
import { systemdRuns } from '../../../host/hands/units.ts';
import { ordinaryUser } from '../../../host/machine/ordinary-user.ts';
import { tpmVersion } from '../../../host/machine/tpm.ts';
import { Failure } from '../../../model/failure.ts';
import { credentialName } from '../../../plan/machine.ts';
import { type Places, placesOf } from '../../../plan/places.ts';
import type { Answer, Call } from '../call.ts';
import { type Found, identityAdvice } from '../identity-advice.ts';
import { mustBeOurs } from '../machine.ts';
import { recipientOf } from '../seal.ts';
import { mustBeState } from '../state.ts';
import { wardenThere } from '../warden-process.ts';

/** Where the key is that opens the sealed secrets, whether the gateway has it, and how it gets to a safer place. */
export async function run({ state }: Call): Promise<Answer> {
  const places = placesOf(state);
  mustBeOurs('secrets', places);
  mustBeState(places);
  const recipient = await recipientOf(places);
  const credential = `/etc/credstore.encrypted/${credentialName(state)}`;
  const [file, sealed] = [existsSync(places.identity), existsSync(credential)];
  const inUse = await gatewayHas(places, recipient);
  const tpm = tpmVersion();
  const systemd = systemdRuns() && !ordinaryUser();
  const where = [
    ...(file ? [`${places.identity}, a file for ${ordinaryUser() ? 'you' : 'root'} alone`] : []),
    ...(sealed ? [`${credential}, encrypted, which systemd gives to the warden`] : []),
  ];
  const lines = [
    `Secrets are sealed to ${recipient}.`,
    where.length === 0
      ? `Its identity is neither in ${places.identity} nor in ${credential}.`
      : `Its identity is in ${where.join('; and in ')}.`,
    {
      yes: 'The gateway has it.',
      no: 'THE GATEWAY DOES NOT HAVE IT, so no secret can be used.',
      unknown: 'Nothing runs, so nobody has it now.',
    }[inUse],
    tpm === undefined
      ? 'This machine has no TPM that can be used.'
      : `This machine has a TPM ${tpm === 2 ? '2.0' : '1.2, which systemd does not use'}.`,
    ...identityAdvice(places, credential, { file, sealed, inUse, systemd, tpm }),
  ];
  return {
    document: { recipient, file, credential: sealed, inUse, tpm: tpm ?? null },
    text: () => lines.join('\n'),
    exit: inUse === 'no' ? 1 : 0,
  };
}

/** Known by what the gateway would have new secrets sealed to. */
async function gatewayHas(places: Places, recipient: string): Promise<Found['inUse']> {
  const warden = await wardenThere(places);
  if (!warden) return 'unknown';
  try {
    return ((await warden.call('secrets.recipient')) as { recipient: string }).recipient === recipient ? 'yes' : 'no';
  } catch (error) {
    if (error instanceof Failure) return error.code === 'no-identity' ? 'no' : 'unknown';
    throw error;
  } finally {
    warden.close();
  }
}

import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile, syncFolder } from '../../host/files/replace-file.ts';
import { Failure } from '../../model/failure.ts';
import type { Places } from '../../plan/places.ts';

/** The identity of a state (age-encryption.org/v1, X25519), made once, root's alone. The gateway gets it as an open file. Beside it stays what secrets
 *  are sealed to, so that the identity itself may be kept elsewhere: where that is known and it is not here, no other is made. */
export async function ensureIdentity(places: Places): Promise<void> {
  const { identity } = places;
  if (!existsSync(recipientFile(places)) && !existsSync(identity)) await makeIdentity(identity);
  if (existsSync(recipientFile(places))) return;
  const { identityToRecipient } = await import('age-encryption');
  replaceFile(recipientFile(places), `${await identityToRecipient(readFileSync(identity, 'utf8').trim())}\n`);
}

async function makeIdentity(identity: string): Promise<void> {
  const { generateX25519Identity } = await import('age-encryption');
  const next = `${identity}.${process.pid}`;
  writeFileSync(next, `${await generateX25519Identity()}\n`, { mode: 0o600, flush: true, flag: 'wx' });
  try {
    linkSync(next, identity); // never over one that is there
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(next);
  }
  syncFolder(dirname(identity));
}

/** Whom secrets are sealed to. @throws Failure `no-identity` */
export async function recipientOf(places: Places): Promise<string> {
  if (existsSync(recipientFile(places))) return readFileSync(recipientFile(places), 'utf8').trim();
  if (!existsSync(places.identity))
    throw new Failure('no-identity', 'This fleet keeps no secrets yet.', 'Set one: bulkhead secrets set NAME', 1);
  const { identityToRecipient } = await import('age-encryption');
  return identityToRecipient(readFileSync(places.identity, 'utf8').trim());
}

function recipientFile({ secrets }: Places): string {
  return `${secrets}/recipient`;
}

/** Only whoever has the identity can open what comes back. */
export async function sealed(value: string, recipient: string): Promise<Uint8Array> {
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(value);
}

/** Keeps a sealed secret until a gateway takes it, and beside it where it is a person's own already. */
export function writeWaiting({ secrets }: Places, name: string, bytes: Uint8Array, own: readonly string[]): void {
  replaceFile(`${secrets}/${name}.own`, JSON.stringify(own));
  replaceFile(`${secrets}/${name}.age`, bytes);
}

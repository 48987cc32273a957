import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile, syncFolder } from '../../host/replace-file.ts';
import type { Places } from '../../plan/places.ts';

/** The identity of a state (age-encryption.org/v1, X25519), made once, root's alone. The gateway gets it as an open file. */
export async function ensureIdentity({ identity }: Places): Promise<void> {
  if (existsSync(identity)) return;
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

export async function recipientOf({ identity }: Places): Promise<string> {
  const { identityToRecipient } = await import('age-encryption');
  return identityToRecipient(readFileSync(identity, 'utf8').trim());
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

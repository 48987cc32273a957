import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { formatVerifier, type Verifier, verifierOf } from '../../ledger/note.ts';
import { sha256 } from '../../ledger/tree.ts';
import { readIfThere, replaceFile } from './files.ts';
import type { Signer } from './publisher.ts';

/** The signing key, made on first start. `key` (PKCS #8) is for the ledger's user alone, `key.pub` is a C2SP verifier key whose
 *  name is also the log's origin. */
export async function signingKey(dir: string, mayMake: boolean): Promise<Signer | undefined> {
  const kept = await readIfThere(join(dir, 'key'));
  if (kept === undefined && !mayMake) return undefined;
  const pem = kept ?? generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const privateKey = createPrivateKey(pem);
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  const verifier = nameOf(Buffer.from(x as string, 'base64url'));
  if (kept === undefined) await replaceFile(join(dir, 'key'), pem);
  const published = await readIfThere(join(dir, 'key.pub'));
  const line = `${formatVerifier(verifier)}\n`;
  if (published?.toString() !== line) await replaceFile(join(dir, 'key.pub'), line, 0o644);
  return { verifier, privateKey };
}

function nameOf(publicKey: Buffer): Verifier {
  return verifierOf(`bulkhead.internal/ledger/${sha256(publicKey).toString('hex', 0, 8)}`, publicKey);
}

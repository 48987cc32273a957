import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readAll, type SshReader, sshString } from './ssh-wire.ts';

/** Public keys and signatures of SSH: Ed25519 (RFC 8709), ECDSA (RFC 5656), RSA with SHA-2 (RFC 8332). DSA, RSA with SHA-1,
 *  certificates and keys of hardware tokens are none. */
const CURVES: Readonly<Record<string, { readonly crv: string; readonly bytes: number; readonly hash: string }>> = {
  nistp256: { crv: 'P-256', bytes: 32, hash: 'sha256' },
  nistp384: { crv: 'P-384', bytes: 48, hash: 'sha384' },
  nistp521: { crv: 'P-521', bytes: 66, hash: 'sha512' },
};
const RSA_HASHES: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };
const RSA_LEAST_BITS = 2048;
const LONGEST_BLOB = 4096;

export interface SshPublicKey {
  readonly type: string;
  /** As it goes over the wire (RFC 4253, section 6.6). */
  readonly blob: Buffer;
  readonly key: KeyObject;
}

/** @returns undefined for what is no key, a kind that is not used any more, or too weak */
export function readPublicKey(blob: Uint8Array): SshPublicKey | undefined {
  if (blob.length > LONGEST_BLOB) return undefined;
  const parts = readAll(blob, jwk);
  if (parts === undefined) return undefined;
  try {
    const key = createPublicKey({ key: parts.jwk, format: 'jwk' });
    if (parts.type === 'ssh-rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_LEAST_BITS) return undefined;
    return { type: parts.type, blob: Buffer.from(blob), key };
  } catch {
    return undefined; // a point that is not on its curve
  }
}

/** `TYPE BASE64`, perhaps with a comment, as in authorized_keys and known_hosts (sshd(8)). */
export function readKeyLine(line: string): SshPublicKey | undefined {
  const [, type = '', base64 = ''] =
    /^([a-z0-9-]{1,64}) ([A-Za-z0-9+/]{1,6000}={0,2})(?: [ -~]*)?$/.exec(line.trim()) ?? [];
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) return undefined;
  const key = readPublicKey(blob);
  return key?.type === type ? key : undefined;
}

export function keyLine({ type, blob }: SshPublicKey): string {
  return `${type} ${blob.toString('base64')}`;
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The blob of an Ed25519 key from its 32 bytes. */
export function ed25519Blob(raw: Uint8Array): Buffer {
  return Buffer.concat([sshString('ssh-ed25519'), sshString(raw)]);
}

/** Whether this is `by`'s signature over these bytes. @param signature  string algorithm, string of the algorithm's own */
export function verifies(by: SshPublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  const parts = readAll(signature, (from) => ({ algorithm: from.name(), own: from.string() }));
  if (parts === undefined) return false;
  const { algorithm, own } = parts;
  if (by.type === 'ssh-ed25519') return algorithm === by.type && verify(null, bytes, by.key, own);
  if (by.type === 'ssh-rsa') {
    const hash = Object.hasOwn(RSA_HASHES, algorithm) ? RSA_HASHES[algorithm] : undefined;
    return hash !== undefined && verify(hash, bytes, by.key, own);
  }
  const curve = CURVES[by.type.slice('ecdsa-sha2-'.length)];
  const pair = readAll(own, (from) => [from.positive(), from.positive()]);
  if (algorithm !== by.type || curve === undefined || pair?.some((one) => one.length > curve.bytes) !== false)
    return false;
  const fixed = Buffer.concat(pair.map((one) => Buffer.concat([Buffer.alloc(curve.bytes - one.length), one])));
  return verify(curve.hash, bytes, { key: by.key, dsaEncoding: 'ieee-p1363' }, fixed);
}

interface Parts {
  readonly type: string;
  readonly jwk: { readonly [name: string]: string };
}

function jwk(from: SshReader): Parts {
  const type = from.name();
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  if (type === 'ssh-ed25519') {
    const x = from.string();
    if (x.length !== 32) throw new RangeError('not 32 bytes');
    return { type, jwk: { kty: 'OKP', crv: 'Ed25519', x: text(x) } };
  }
  if (type === 'ssh-rsa') {
    const e = from.positive();
    return { type, jwk: { kty: 'RSA', e: text(e), n: text(from.positive()) } };
  }
  const name = from.left > 0 && type.startsWith('ecdsa-sha2-') ? from.name() : '';
  const curve = Object.hasOwn(CURVES, name) ? CURVES[name] : undefined;
  if (curve === undefined || type !== `ecdsa-sha2-${name}`) throw new RangeError('no kind of key that is used');
  const point = from.string(); // SEC 1, 2.3.3, not compressed
  if (point.length !== 1 + 2 * curve.bytes || point[0] !== 4) throw new RangeError('no point');
  const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
  return { type, jwk: { kty: 'EC', crv: curve.crv, x: text(x), y: text(y) } };
}

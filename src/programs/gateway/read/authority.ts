import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { replaceFile } from '../../../host/files/replace-file.ts';
import { authorityCertificate, type Issuer, serverCertificate } from '../../../protocol/certificate.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 30;
const MOST_LEAVES = 512;

/** The fleet's own authority, trusted inside compartments and nowhere else. Its key is in a file of the gateway's. The key of all leaves
 *  is made anew with each gateway and is in memory only. */
export class Authority {
  /** PEM. */
  readonly certificate: string;
  readonly #issuer: Issuer;
  readonly #leafKey: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly #leaves = new Map<string, { readonly context: SecureContext; readonly until: number }>();

  private constructor(issuer: Issuer, certificate: string) {
    this.#issuer = issuer;
    this.certificate = certificate;
    this.#leafKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  }

  static open(dir: string): Authority {
    const file = join(dir, 'authority.pem');
    if (!existsSync(file)) {
      const { certificate, key } = made();
      replaceFile(file, key + certificate);
    }
    const text = readFileSync(file, 'utf8');
    const privateKey = createPrivateKey(text);
    const issuer = { name: NAME, privateKey, publicKey: createPublicKey(privateKey) };
    return new Authority(issuer, text.slice(text.indexOf('-----BEGIN CERTIFICATE')));
  }

  /** What a server of that name answers with; made once and kept for some time. */
  contextFor(host: string, now: number = Date.now()): SecureContext {
    const known = this.#leaves.get(host);
    if (known && known.until > now) return known.context;
    if (this.#leaves.size >= MOST_LEAVES) this.#leaves.clear();
    const { publicKey, privateKey } = this.#leafKey;
    const issued = {
      serial: randomBytes(16),
      from: new Date(now - DAY_MS),
      until: new Date(now + LEAF_DAYS * DAY_MS),
      publicKey,
    };
    const cert = serverCertificate(this.#issuer, host, issued);
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    // It never leaves the machine, so the quick group comes before those that outlast quantum computers.
    const context = createSecureContext({ cert, key, minVersion: 'TLSv1.2', ecdhCurve: 'X25519:P-256:P-384' });
    this.#leaves.set(host, { context, until: now + (LEAF_DAYS / 2) * DAY_MS });
    return context;
  }
}

const NAME = 'Bulkhead fleet authority';

function made(): { certificate: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const issued = {
    serial: randomBytes(16),
    from: new Date(now - DAY_MS),
    until: new Date(now + AUTHORITY_DAYS * DAY_MS),
  };
  const certificate = authorityCertificate({ name: NAME, publicKey, privateKey }, issued);
  return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

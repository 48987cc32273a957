import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { Failure } from '../../model/failure.ts';

/** Where systems keep the roots they trust, in one file. */
const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** Whom servers must be signed by: this machine's roots, and those that fleet.yaml names. */
export class Roots {
  #more: readonly string[] = [];
  #context: SecureContext | undefined;

  /** @param more  certificates as PEM. @throws Failure `bad-roots` */
  set more(more: readonly string[]) {
    if (more.join() === this.#more.join()) return;
    for (const text of more) mustBeCertificates(text);
    this.#more = more;
    this.#context = undefined;
  }

  get context(): SecureContext {
    this.#context ??= createSecureContext({ ca: [...systemRoots(), ...this.#more], minVersion: 'TLSv1.2' });
    return this.#context;
  }
}

function systemRoots(): readonly string[] {
  for (const path of BUNDLES) {
    try {
      return [readFileSync(path, 'utf8')];
    } catch {
      // the next one
    }
  }
  return rootCertificates; // a system without any: those that come with Node
}

function mustBeCertificates(text: string): void {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const one of found) new X509Certificate(one);
    if (found.length > 0) return;
  } catch {
    // said below
  }
  throw new Failure(
    'bad-roots',
    'a file under roots: holds no certificates',
    'It must be PEM: -----BEGIN CERTIFICATE-----.',
    2,
  );
}

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { Failure } from '../../../model/failure.ts';

/** Where systems keep the roots they trust, in one file. */
const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** Whom servers must be signed by: this machine's roots, and those that fleet.yaml names. */
export class Roots {
  #more: readonly string[] = [];
  #context: SecureContext | undefined;
  #sessions = new Sessions();

  /** @param more  certificates as PEM. @throws Failure `bad-roots` */
  set more(more: readonly string[]) {
    if (more.join() === this.#more.join()) return;
    for (const text of more) mustBeCertificates(text);
    this.#more = more;
    this.#context = undefined;
    this.#sessions = new Sessions(); // begun under other roots
  }

  /** Another list whenever it says something else. */
  get more(): readonly string[] {
    return this.#more;
  }

  /** With servers that proved who they are under these roots. */
  get sessions(): Sessions {
    return this.#sessions;
  }

  get context(): SecureContext {
    this.#context ??= createSecureContext({ ca: [...systemRoots(), ...this.#more], minVersion: 'TLSv1.2' });
    return this.#context;
  }
}

const MOST_SESSIONS = 256;

/** Sessions of TLS that can be resumed, the last of each kind. */
export class Sessions {
  readonly #kept = new Map<string, Buffer>();

  get(kind: string): Buffer | undefined {
    return this.#kept.get(kind);
  }

  keep(kind: string, session: Buffer): void {
    if (this.#kept.size >= MOST_SESSIONS) this.#kept.clear();
    this.#kept.set(kind, session);
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

import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Places } from '../../plan/places.ts';

/** Files in which systems keep all roots they trust. */
export const SYSTEM_BUNDLES: readonly string[] = ['/etc/ssl/certs/ca-certificates.crt'];

const ONE_CERTIFICATE = /^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]{100,4000}-----END CERTIFICATE-----\n$/;

/** Writes what compartments are to trust, once for each authority; a compartment that stands goes on seeing the file it was given.
 *  @param certificate  PEM, from the gateway: nothing else is written for agents to read */
export function writeTrusted(places: Places, certificate: string): void {
  if (!ONE_CERTIFICATE.test(certificate)) throw new Error('the gateway gave no certificate');
  const roots = SYSTEM_BUNDLES.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8').trimEnd());
  put(places.authority, certificate);
  put(places.trusted, [...roots, certificate].join('\n'));
}

function put(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  writeFileSync(`${path}.next`, text);
  chmodSync(`${path}.next`, 0o644); // whatever the umask
  renameSync(`${path}.next`, path);
}

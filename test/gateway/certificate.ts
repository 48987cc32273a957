import { execFileSync } from 'node:child_process';

/** For allow.test and names below wild.test, signed by itself. @param key, cert  files that are written, PEM */
export function makeCertificate(key: string, cert: string): void {
  const subject = ['-subj', '/CN=allow.test', '-addext', 'subjectAltName=DNS:allow.test,DNS:*.wild.test'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
}

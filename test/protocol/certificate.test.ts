import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { authorityCertificate, serverCertificate } from '../../src/protocol/certificate.ts';
import { integer, objectId, time } from '../../src/protocol/der.ts';

const dir = mkdtempSync(join(tmpdir(), 'bulkhead-certificates-'));
after(() => removeTree(dir));
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuer = {
  name: 'Bulkhead test',
  privateKey: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  publicKey: createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })),
};
const DAY = 86_400_000;
const span = (days = 30) => ({
  serial: randomBytes(16),
  from: new Date(Date.now() - DAY),
  until: new Date(Date.now() + days * DAY),
});
const root = authorityCertificate(issuer, span(3650));
const leaf = (host: string): string =>
  serverCertificate(issuer, host, {
    ...span(),
    publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
  });

/** @returns what OpenSSL says of a chain */
function verified(pem: string, ...options: string[]): string {
  writeFileSync(join(dir, 'root.pem'), root);
  writeFileSync(join(dir, 'leaf.pem'), pem);
  try {
    const args = [
      'verify',
      '-x509_strict',
      '-CAfile',
      join(dir, 'root.pem'),
      '-purpose',
      'sslserver',
      ...options,
      join(dir, 'leaf.pem'),
    ];
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

test('OpenSSL accepts the authority and what it signs, strictly, for the one host it names', () => {
  assert.match(verified(leaf('api.example.test'), '-verify_hostname', 'api.example.test'), /: OK/);
  assert.match(verified(leaf('api.example.test'), '-verify_hostname', 'www.example.test'), /hostname mismatch/i);
  assert.match(verified(leaf('203.0.113.7'), '-verify_ip', '203.0.113.7'), /: OK/);
  assert.match(verified(leaf('2001:db8::7'), '-verify_ip', '2001:db8::7'), /: OK/);
  assert.match(verified(leaf('2001:db8::7'), '-verify_ip', '2001:db8::8'), /address mismatch/i);
});

test('what the authority signs can sign nothing, and a name of any length fits', () => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.test`;
  const certificate = new X509Certificate(leaf(long));
  assert.equal(certificate.ca, false);
  assert.equal(certificate.checkHost(long), long);
  assert.equal(new X509Certificate(root).ca, true);
  assert.ok(certificate.verify(issuer.publicKey));
});

test('numbers, object identifiers and times are written as X.690 says', () => {
  assert.equal(integer(Buffer.from([0, 0, 0x80])).toString('hex'), '02020080');
  assert.equal(integer(Buffer.from([0])).toString('hex'), '020100');
  assert.equal(objectId('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302');
  assert.equal(time(new Date('2049-12-31T23:59:59Z')).toString('latin1', 2), '491231235959Z');
  assert.equal(time(new Date('2050-01-01T00:00:00Z')).toString('latin1', 2), '20500101000000Z');
});

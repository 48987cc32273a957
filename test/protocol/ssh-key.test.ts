import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { removeTree } from '../../src/host/files/mounts.ts';
import { KNOWN_HOST_KEYS } from '../../src/policy/ssh-hosts.ts';
import { ed25519Blob, fingerprint, keyLine, readKeyLine, readPublicKey, verifies } from '../../src/protocol/ssh-key.ts';
import { SshReader, sshString } from '../../src/protocol/ssh-wire.ts';
import { FUZZ } from './seed.ts';

const dir = mkdtempSync(join(tmpdir(), 'bulkhead-ssh-key-'));
after(() => removeTree(dir));

/** A key of OpenSSH's, something it has signed, and the signature (SSHSIG: OpenSSH, PROTOCOL.sshsig). */
function signedByOpenSsh(name: string, args: readonly string[]): { line: string; signed: Buffer; signature: Buffer } {
  const file = join(dir, name);
  execFileSync('ssh-keygen', ['-q', '-N', '', '-C', 'a comment', '-f', file, ...args]);
  writeFileSync(`${file}.text`, 'what is signed');
  execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'test', '-f', file, `${file}.text`], { stdio: 'pipe' });
  const armoured = readFileSync(`${file}.text.sig`, 'utf8').replace(/-----.*-----/g, '');
  const from = new SshReader(Buffer.from(armoured, 'base64').subarray(6));
  from.uint32();
  from.string();
  const parts = [from.string(), from.string(), from.string()];
  const digest = createHash(String(parts[2])).update('what is signed').digest();
  const signed = Buffer.concat([Buffer.from('SSHSIG'), ...[...parts, digest].map(sshString)]);
  return { line: readFileSync(`${file}.pub`, 'utf8'), signed, signature: from.string() };
}

const MADE = new Map(
  Object.entries({
    'ssh-ed25519': ['-t', 'ed25519'],
    'ecdsa-sha2-nistp256': ['-t', 'ecdsa', '-b', '256'],
    'ecdsa-sha2-nistp384': ['-t', 'ecdsa', '-b', '384'],
    'ecdsa-sha2-nistp521': ['-t', 'ecdsa', '-b', '521'],
    'ssh-rsa': ['-t', 'rsa', '-b', '2048'],
  }).map(([type, args]) => [type, signedByOpenSsh(type, args)]),
);

test('the keys of github.com have the fingerprints that it publishes', () => {
  const fingerprints = KNOWN_HOST_KEYS['github.com']?.map((line) =>
    fingerprint(readKeyLine(line)?.blob ?? Buffer.alloc(0)),
  );
  assert.deepEqual(fingerprints, [
    'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
    'SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM',
  ]);
});

test('the first vector of RFC 8032 verifies, in the wire form of RFC 8709', () => {
  const raw = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
  const own = Buffer.from(
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    'hex',
  );
  const key = readPublicKey(ed25519Blob(raw));
  assert.ok(key);
  const signature = Buffer.concat([sshString('ssh-ed25519'), sshString(own)]);
  assert.equal(verifies(key, Buffer.alloc(0), signature), true);
  assert.equal(verifies(key, Buffer.from('x'), signature), false);
});

for (const [type, { line, signed, signature }] of MADE)
  test(`what OpenSSH signs with ${type} verifies, and nothing that differs in one bit`, () => {
    const key = readKeyLine(line);
    assert.ok(key);
    assert.equal(key.type, type);
    assert.equal(`${keyLine(key)} a comment\n`, line);
    assert.equal(verifies(key, signed, signature), true);
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 7 }), fc.boolean(), (at, bit, inSignature) => {
        const [bytes, other] = [Buffer.from(signed), Buffer.from(signature)];
        const changed = inSignature ? other : bytes;
        changed[at % changed.length] = (changed[at % changed.length] as number) ^ (1 << bit);
        return !verifies(key, bytes, other);
      }),
      { ...FUZZ, numRuns: 200 },
    );
  });

test('a signature by another kind of key, or of SHA-1, is none', () => {
  const ed = readKeyLine(MADE.get('ssh-ed25519')?.line ?? '');
  const rsa = MADE.get('ssh-rsa');
  const rsaKey = readKeyLine(rsa?.line ?? '');
  assert.ok(ed && rsa && rsaKey);
  assert.equal(verifies(ed, rsa.signed, rsa.signature), false);
  const own = new SshReader(rsa.signature);
  own.string();
  const sha1 = Buffer.concat([sshString('ssh-rsa'), sshString(own.string())]);
  assert.equal(verifies(rsaKey, rsa.signed, sha1), false);
});

test('keys that are too weak, of no use, cut off, or followed by something are none', () => {
  execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '1024', '-N', '', '-f', join(dir, 'weak')]);
  assert.equal(readKeyLine(readFileSync(join(dir, 'weak.pub'), 'utf8')), undefined);
  const good = readKeyLine(MADE.get('ecdsa-sha2-nistp256')?.line ?? '');
  assert.ok(good);
  for (let end = 0; end < good.blob.length; end++) assert.equal(readPublicKey(good.blob.subarray(0, end)), undefined);
  assert.equal(readPublicKey(Buffer.concat([good.blob, Buffer.from([0])])), undefined);
  const offCurve = Buffer.from(good.blob);
  offCurve[offCurve.length - 1] = (offCurve.at(-1) as number) ^ 1;
  assert.equal(readPublicKey(offCurve), undefined);
  const base64 = good.blob.toString('base64');
  for (const line of [
    `ssh-ed25519 ${base64}`,
    base64,
    `ssh-dss ${base64}`,
    `${good.type} ${base64}\nx y`,
    `${good.type}  ${base64}`,
  ])
    assert.equal(readKeyLine(line), undefined, line);
});

test('whatever the bytes, a key is read or not, and nothing is thrown', () => {
  const blobs = [...MADE.values()].map(({ line }) => Buffer.from(line.split(' ')[1] ?? '', 'base64'));
  const key = readKeyLine(MADE.get('ecdsa-sha2-nistp521')?.line ?? '');
  assert.ok(key);
  fc.assert(
    fc.property(fc.constantFrom(...blobs), fc.nat(), fc.uint8Array({ maxLength: 8 }), (blob, at, bytes) => {
      const changed = Buffer.from(blob);
      changed.set(bytes.subarray(0, Math.max(0, changed.length - (at % changed.length))), at % changed.length);
      readPublicKey(changed);
      verifies(key, changed, changed);
      return true;
    }),
    FUZZ,
  );
});

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { openCheckpoint, parseCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.ts';
import { formatVerifier, openNote, parseVerifier, signNote, type Verifier, verifierOf } from '../../src/ledger/note.ts';
import { EMPTY_ROOT, sha256 } from '../../src/ledger/tree.ts';

const SEED = { seed: 8032 };

// The example of the C2SP signed-note specification.
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const NOTE =
  'This is an example message.\n\n' +
  '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

const pair = generateKeyPairSync('ed25519');
const x = pair.publicKey.export({ format: 'jwk' }).x as string;
const ours = verifierOf('ledger.test/one', Buffer.from(x, 'base64url'));

test('the published key opens the published note, and its name and id are read and written back', () => {
  const key = parseVerifier(VKEY) as Verifier;
  assert.equal(key.name, 'example.com/foo');
  assert.equal(key.id, 0x530d903a);
  assert.equal(formatVerifier(key), VKEY);
  assert.deepEqual(openNote(NOTE, key), { ok: true, text: 'This is an example message.\n' });
});

test('no byte of a signed note can be changed without being caught', () => {
  const key = parseVerifier(VKEY) as Verifier;
  const bytes = Buffer.from(NOTE);
  for (let at = 0; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
    assert.equal(openNote(altered.toString(), key).ok, false, `byte ${at}`);
  }
});

test('a signature of a stranger is ignored, ours must be there and must be right', () => {
  const note = signNote('text\n', ours, pair.privateKey);
  const stranger = `${NOTE.split('\n')[2]}\n`;
  assert.equal(openNote(note + stranger, ours).ok, true);
  assert.deepEqual(openNote(NOTE, ours), { ok: false, why: 'unknown-key' });
  const forged = note.replace('text', 'test');
  assert.deepEqual(openNote(forged, ours), { ok: false, why: 'bad-signature' });
});

test('a text that itself contains an empty line and a signature line is split at the last empty line', () => {
  const text = `first\n\n— someone ${'A'.repeat(96)}\n`;
  assert.deepEqual(openNote(signNote(text, ours, pair.privateKey), ours), { ok: true, text });
});

test('what is not a note is malformed', () => {
  const good = signNote('text\n', ours, pair.privateKey);
  const bad = [
    '',
    'text\n',
    good.slice(0, -1),
    `${good}\n`,
    good.replace('\n\n', '\n'),
    good.replace('—', '-'),
    good.replace('text', 'te\tt'),
    good.replace('text', 'te\rt'),
    good.replace('=\n', '\n'),
    good.replace('ledger.test/one', 'ledger+one'),
    good.replace('ledger.test/one', 'ledger\u00a0one'),
  ];
  for (const note of bad) assert.equal(openNote(note, ours).ok, false, JSON.stringify(note));
});

test('random bytes and random cuts never open and never throw', () => {
  const good = signNote('text\n', ours, pair.privateKey);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(good.length), fc.nat(good.length), (junk, a, b) => {
      const note = good.slice(0, a) + junk + good.slice(b);
      if (note !== good) assert.equal(openNote(note, ours).ok && note.startsWith('text\n\n') === false, false);
      parseVerifier(junk);
      parseCheckpoint(junk);
    }),
    { ...SEED, numRuns: 2000 },
  );
});

test('a key whose id, type or length is wrong is no key', () => {
  for (const bad of [
    VKEY.replace('530d903a', '530d903b'),
    VKEY.replace('530d903a', '530D903A'),
    VKEY.replace('+AekyeR', '+BekyeR'),
    VKEY.slice(0, -4),
    VKEY.replace('example.com', 'example com'),
    'x+y',
    '',
  ])
    assert.equal(parseVerifier(bad), undefined, bad);
});

test('a checkpoint says origin, size and root, and is bound to its key', () => {
  const root = sha256(Buffer.from('root'));
  const note = signCheckpoint(20852163, root, ours, pair.privateKey);
  assert.ok(note.startsWith(`ledger.test/one\n20852163\n${root.toString('base64')}\n\n— ledger.test/one `));
  assert.deepEqual(openCheckpoint(note, ours), { ok: true, origin: 'ledger.test/one', size: 20852163, root });
  const foreign = signNote(`other.test/log\n1\n${root.toString('base64')}\n`, ours, pair.privateKey);
  assert.deepEqual(openCheckpoint(foreign, ours), { ok: false, why: 'other-origin' });
});

test('the published checkpoint body is read', () => {
  const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
  assert.equal(parseCheckpoint(text)?.size, 20852163);
  assert.equal(parseCheckpoint(`${text}extension\n`)?.origin, 'example.com/behind-the-sofa');
});

test('a checkpoint with a padded, signed, fractional or huge size, a short root or an empty line is refused', () => {
  const root = EMPTY_ROOT.toString('base64');
  for (const text of [
    `o\n01\n${root}\n`,
    `o\n+1\n${root}\n`,
    `o\n1.0\n${root}\n`,
    `o\n9007199254740993\n${root}\n`,
    `o\n1\n${root.slice(4)}\n`,
    `o\n1\n${root}\n\n`,
    `\n1\n${root}\n`,
    `o\n1\n${root}`,
    'o\n1\n',
  ])
    assert.equal(parseCheckpoint(text), undefined, JSON.stringify(text));
});

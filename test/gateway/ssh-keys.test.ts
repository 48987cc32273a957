import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { generateX25519Identity } from 'age-encryption';
import { removeTree } from '../../src/host/files/mounts.ts';
import { Sealer } from '../../src/programs/gateway/secrets/sealer.ts';
import { SshKeys } from '../../src/programs/gateway/ssh/ssh-keys.ts';

const dir = mkdtempSync(join(tmpdir(), 'bulkhead-ssh-keys-'));
after(() => removeTree(dir));
const identity = await generateX25519Identity();
const AT = { host: 'git.test', port: 22, user: 'git' };
const noted = async (): Promise<void> => {};
let count = 0;
const folder = (): string => join(dir, String(++count));

test('a key is made once, is there again after a restart, and its file shows nothing of it', async () => {
  const at = folder();
  const keys = await SshKeys.open(at, new Sealer(identity));
  await Promise.all([keys.complete('a', [AT], noted), keys.complete('a', [AT], noted)]);
  const key = keys.get('a', AT);
  assert.ok(key);
  await keys.complete('a', [AT], noted);
  assert.equal(keys.get('a', AT), key);
  const again = (await SshKeys.open(at, new Sealer(identity))).get('a', AT);
  assert.deepEqual([again?.blob, again?.since], [key.blob, key.since]);
  assert.ok(again?.key.equals(key.key));
  const secret = Buffer.from(key.key.export({ format: 'jwk' }).d ?? '', 'base64url');
  for (const file of readdirSync(at)) {
    assert.equal(statSync(join(at, file)).mode & 0o777, 0o600);
    assert.ok(!readFileSync(join(at, file)).includes(secret));
  }
});

test('every agent and every destination has another key', async () => {
  const keys = await SshKeys.open(folder(), new Sealer(identity));
  const places = [AT, { ...AT, port: 2222 }, { ...AT, user: 'me' }, { ...AT, host: 'b.test' }];
  for (const agent of ['a', 'b']) await keys.complete(agent, places, noted);
  const blobs = ['a', 'b'].flatMap((agent) => places.map((at) => keys.get(agent, at)?.blob.toString('hex')));
  assert.equal(new Set(blobs).size, 8);
});

test('one that cannot be recorded is not made, and renewing leaves the one there is', async () => {
  const at = folder();
  const keys = await SshKeys.open(at, new Sealer(identity));
  const refuses = async (): Promise<void> => Promise.reject(new Error('no ledger'));
  await assert.rejects(keys.complete('a', [AT], refuses), /no ledger/);
  assert.deepEqual([keys.get('a', AT), readdirSync(at)], [undefined, []]);
  await keys.complete('a', [AT], noted);
  const first = keys.get('a', AT);
  await assert.rejects(keys.renew('a', AT, refuses), /no ledger/);
  assert.equal(keys.get('a', AT), first);
  await keys.renew('a', AT, noted);
  assert.ok(!keys.get('a', AT)?.blob.equals(first?.blob ?? Buffer.alloc(0)));
  assert.equal(readdirSync(at).length, 1);
});

test('an agent that is let go takes its keys with it', async () => {
  const at = folder();
  const keys = await SshKeys.open(at, new Sealer(identity));
  for (const agent of ['a', 'b']) await keys.complete(agent, [AT], noted);
  keys.keepOnly(['b']);
  assert.deepEqual([keys.get('a', AT), keys.get('b', AT)?.agent, readdirSync(at).length], [undefined, 'b', 1]);
});

test('a damaged file is reported, none is made in its place unasked, and the others open', async () => {
  const at = folder();
  const keys = await SshKeys.open(at, new Sealer(identity));
  await keys.complete('a', [AT], noted);
  const [file = ''] = readdirSync(at);
  await keys.complete('b', [AT], noted);
  writeFileSync(join(at, file), 'age-encryption.org/v1\n');
  const again = await SshKeys.open(at, new Sealer(identity));
  await again.complete('a', [AT], noted);
  assert.deepEqual([again.get('a', AT), again.isDamaged('a', AT), again.get('b', AT)?.agent], [undefined, true, 'b']);
  await again.renew('a', AT, noted);
  assert.deepEqual([again.get('a', AT)?.agent, again.isDamaged('a', AT)], ['a', false]);
});

test('a file that was put in the place of another is not taken for it', async () => {
  const at = folder();
  const keys = await SshKeys.open(at, new Sealer(identity));
  await keys.complete('a', [AT], noted);
  const [of = ''] = readdirSync(at);
  await keys.complete('b', [AT], noted);
  const other = readdirSync(at).find((file) => file !== of) ?? '';
  writeFileSync(join(at, other), readFileSync(join(at, of)));
  const again = await SshKeys.open(at, new Sealer(identity));
  assert.deepEqual([again.get('b', AT), again.isDamaged('b', AT)], [undefined, true]);
});

test('without an identity none can be made, and it says what to do', async () => {
  const keys = await SshKeys.open(folder(), new Sealer(undefined));
  await assert.rejects(keys.complete('a', [AT], noted), { code: 'no-identity' });
});

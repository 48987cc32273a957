import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { generateX25519Identity } from 'age-encryption';
import { removeTree } from '../../src/host/files/mounts.ts';
import { secretName } from '../../src/model/names.ts';
import { sealed } from '../../src/programs/cli/seal.ts';
import { Sealer } from '../../src/programs/gateway/secrets/sealer.ts';
import { Vault } from '../../src/programs/gateway/secrets/vault.ts';

const dir = mkdtempSync(join(tmpdir(), 'bulkhead-vault-'));
after(() => removeTree(dir));
const identity = await generateX25519Identity();
const NAME = secretName('api');
const VALUE = `sk-ant-api03-${'q'.repeat(60)}`;
let count = 0;
const folder = (): string => join(dir, String(++count));

test('a secret that was set is there again after a restart, and its file shows nothing of it', async () => {
  const at = folder();
  const vault = await Vault.open(at, new Sealer(identity));
  const recipient = await vault.sealer.recipient();
  assert.deepEqual(await vault.set(NAME, await sealed(VALUE, recipient)), { replaced: false, changed: false });
  const again = await Vault.open(at, new Sealer(identity));
  assert.equal(again.get('api')?.value, VALUE);
  for (const file of readdirSync(at)) {
    assert.equal(statSync(join(at, file)).mode & 0o777, 0o600, file);
    assert.ok(!readFileSync(join(at, file)).includes(VALUE.slice(20, 40)), file);
  }
  assert.ok(readFileSync(join(at, 'api.age')).toString('latin1').startsWith('age-encryption.org/v1\n'));
});

test('the shape stays that of the first value, so that placeholders outlive a rotation', async () => {
  const vault = await Vault.open(folder(), new Sealer(identity));
  const recipient = await vault.sealer.recipient();
  await vault.set(NAME, await sealed(VALUE, recipient));
  const first = vault.shape('api');
  assert.deepEqual(await vault.set(NAME, await sealed('entirely-different', recipient)), {
    replaced: true,
    changed: true,
  });
  assert.deepEqual(vault.shape('api'), first);
  assert.ok(vault.remove(NAME));
  assert.equal(vault.remove(NAME), false);
  assert.equal(vault.get('api'), undefined);
});

test('what is sealed to somebody else, or is no secret, changes nothing', async () => {
  const vault = await Vault.open(folder(), new Sealer(identity));
  const recipient = await vault.sealer.recipient();
  await vault.set(NAME, await sealed(VALUE, recipient));
  const { identityToRecipient } = await import('age-encryption');
  const other = await identityToRecipient(await generateX25519Identity());
  await assert.rejects(vault.set(NAME, await sealed('another-value', other)), { code: 'not-sealed' });
  await assert.rejects(vault.set(NAME, Buffer.from('rubbish')), { code: 'not-sealed' });
  await assert.rejects(vault.set(NAME, await sealed('two words here', recipient)), { code: 'bad-secret' });
  assert.equal(vault.get('api')?.value, VALUE);
});

test('a damaged file is reported, and the others open', async () => {
  const at = folder();
  const vault = await Vault.open(at, new Sealer(identity));
  await vault.set(NAME, await sealed(VALUE, await vault.sealer.recipient()));
  writeFileSync(join(at, 'broken.age'), 'age-encryption.org/v1\n');
  const again = await Vault.open(at, new Sealer(identity));
  assert.deepEqual([again.damaged, again.get('api')?.value], [['broken'], VALUE]);
  assert.deepEqual([again.remove(secretName('broken')), again.damaged], [true, []]);
});

test('without an identity nothing can be kept, and it says what to do', async () => {
  const vault = await Vault.open(folder(), new Sealer(undefined));
  await assert.rejects(async () => vault.sealer.recipient(), { code: 'no-identity' });
});

test('without the identity that secrets are sealed to it opens all the same, and says which do not', async () => {
  const at = folder();
  const vault = await Vault.open(at, new Sealer(identity));
  const recipient = await vault.sealer.recipient();
  await vault.set(NAME, await sealed(VALUE, recipient));
  await vault.set(NAME, await sealed(`${VALUE}2`, recipient), { keep: true });
  const without = await Vault.open(at, new Sealer(undefined));
  assert.deepEqual([without.damaged, without.list(), without.before(NAME)], [['api'], [], undefined]);
});

test('what is known of a value is kept beside it: when it was sealed, and where a person has it too', async () => {
  const at = folder();
  const vault = await Vault.open(at, new Sealer(identity));
  const since = new Date('2026-01-02T03:04:05Z');
  await vault.set(NAME, await sealed('ghp_0123456789abcdef', await vault.sealer.recipient()), {
    since,
    own: ['netrc'],
  });
  const other = secretName('other');
  await vault.set(other, await sealed('ghp_0123456789abcdef', await vault.sealer.recipient()));
  const [kept] = (await Vault.open(at, new Sealer(identity))).list();
  assert.deepEqual([kept?.since, kept?.own, kept?.same], [since.toISOString(), ['netrc'], ['other']]);
  assert.match(kept?.broad ?? '', /classic GitHub token/);
  await vault.set(NAME, await sealed('github_pat_0123456789', await vault.sealer.recipient()));
  const [now] = (await Vault.open(at, new Sealer(identity))).list();
  assert.deepEqual([now?.own, now?.broad, now?.same], [undefined, undefined, undefined]);
});

test('the value before is kept where a rotation asks for it, until it is forgotten, set anew or revoked', async () => {
  const at = folder();
  const vault = await Vault.open(at, new Sealer(identity));
  const recipient = await vault.sealer.recipient();
  const set = async (value: string, keep: boolean): Promise<unknown> =>
    vault.set(NAME, await sealed(value, recipient), { keep });
  await set('the-first-value', false);
  await set('the-second-value', true);
  assert.equal((await Vault.open(at, new Sealer(identity))).before(NAME), 'the-first-value');
  await set('the-second-value', true);
  assert.equal(vault.before(NAME), 'the-first-value', 'the same value again says nothing about the one before');
  await set('the-third-value', false);
  assert.equal((await Vault.open(at, new Sealer(identity))).before(NAME), undefined);
  await set('the-fourth-value', true);
  vault.forgetBefore(NAME);
  await set('the-fifth-value', true);
  vault.remove(NAME);
  assert.deepEqual(readdirSync(at), ['api.shape']);
});

test('killed at any moment while it replaces a value, the store holds the old one or the new one, whole', async () => {
  const at = folder();
  const vault = await Vault.open(at, new Sealer(identity));
  await vault.set(NAME, await sealed(`value-000000-${'o'.repeat(3000)}`, await vault.sealer.recipient()));
  const program = `
    const { Vault } = await import(${JSON.stringify(new URL('../../src/programs/gateway/secrets/vault.ts', import.meta.url).href)});
    const { Sealer } = await import(${JSON.stringify(new URL('../../src/programs/gateway/secrets/sealer.ts', import.meta.url).href)});
    const { sealed } = await import(${JSON.stringify(new URL('../../src/programs/cli/seal.ts', import.meta.url).href)});
    const vault = await Vault.open(${JSON.stringify(at)}, new Sealer(${JSON.stringify(identity)}));
    const to = await vault.sealer.recipient();
    for (let i = 1; ; i++) {
      await vault.set('api', await sealed('value-' + String(i).padStart(6, '0') + '-' + 'n'.repeat(3000), to));
      process.stdout.write(i + '\\n');
    }`;
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    const closed = once(child, 'close');
    await Promise.race([once(child.stdout, 'data'), closed]);
    await wait(round * 7);
    child.kill('SIGKILL');
    await closed;
    assert.notEqual(said, '', 'it ended before it said anything');
    const again = await Vault.open(at, new Sealer(identity));
    const last = Number(said.trim().split('\n').at(-1));
    const found = Number(/^value-(\d{6})-(?:o|n){3000}$/.exec(again.get('api')?.value ?? '')?.[1]);
    assert.ok(found === last || found === last + 1, `round ${round}: said ${last}, found ${found}`);
    assert.deepEqual([again.damaged, readdirSync(at).filter((file) => file.endsWith('.next'))], [[], []]);
  }
});

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Decrypter } from 'age-encryption';
import { credentialName } from '../../src/plan/machine.ts';
import { placesOf } from '../../src/plan/places.ts';
import { identityAdvice } from '../../src/programs/cli/identity-advice.ts';
import { ONE } from './fleets.ts';
import { type SoftTpm, softTpm } from './soft-tpm.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';
import { withCredentials } from './with-credentials.ts';

const LONG = process.env.BULKHEAD_LONG ? false : 'needs swtpm and tpm2-tools: npm run test:long installs them';
const VALUE = `tpm-kept-value-${'a1B2'.repeat(8)}`;

test('the key is held by a TPM alone: sealed by the command that secrets identity prints, it opens with this TPM, unchanged, and with no other', {
  skip: NOT_ROOT || LONG,
}, async (t) => {
  const tpms: SoftTpm[] = [];
  t.after(async () => {
    for (const one of tpms) await one.close();
  });
  await withFleetBeside(ONE, async (stand) => {
    const name = credentialName(stand.state);
    const places = placesOf(stand.state);
    const sealed = join(stand.folder, 'identity.sealed');
    for (const which of ['this', 'other']) tpms.push(await softTpm(join(stand.folder, which)));
    const [mine, other] = tpms as [SoftTpm, SoftTpm];
    const state = async (): Promise<string> =>
      (await stand.bulkhead(['secrets', 'list', '--json'])).json.secrets[0].state;
    const identity = async (): Promise<Record<string, unknown>> =>
      (await stand.bulkhead(['secrets', 'identity', '--json'])).json;
    // What systemd does with LoadCredentialEncrypted=: decrypt, into a folder that nobody else reads.
    const given = (tpm: SoftTpm, folder: string): { folder: string; said: string } => {
      mkdirSync(folder, { mode: 0o700 });
      const { status, said } = tpm.run(['systemd-creds', 'decrypt', `--name=${name}`, sealed, join(folder, name)]);
      assert.equal(status === 0, existsSync(join(folder, name)), said);
      if (status === 0) chmodSync(join(folder, name), 0o400);
      return { folder, said };
    };

    assert.equal((await stand.bulkhead(['secrets', 'set', 'mine'], { input: VALUE })).status, 0);
    const { recipient } = await identity();
    const before = readFileSync(places.identity);
    const found = { file: true, sealed: false, inUse: 'yes', systemd: true, tpm: 2 } as const;
    const printed = identityAdvice(places, sealed, found).find((line) => line.startsWith('  systemd-creds '));
    const { status, said } = mine.run((printed ?? '').trim().split(' '));
    assert.equal(status, 0, said);
    assert.equal(readFileSync(sealed, 'latin1').includes('AGE-SECRET'), false);
    rmSync(places.identity);

    await t.test('this TPM gives it, the secrets open, and up makes no other key', async () => {
      const { folder, said } = given(mine, join(stand.folder, 'one'));
      assert.deepEqual(readdirSync(folder), [name], said);
      assert.deepEqual(readFileSync(join(folder, name)), before);
      await withCredentials(stand, folder);
      assert.equal(await state(), 'set');
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      assert.deepEqual([(await identity()).inUse, existsSync(places.identity)], ['yes', false]);
      assert.match((await stand.bulkhead(['secrets', 'set', 'mine'], { input: `${VALUE}2` })).stdout, /is replaced/);
    });
    await t.test('another TPM does not, so no secret opens; nothing is made in its place', async () => {
      const { folder, said } = given(other, join(stand.folder, 'two'));
      assert.deepEqual(readdirSync(folder), [], said);
      assert.match(said, /integrity check failed/);
      await withCredentials(stand, folder);
      assert.equal(await state(), 'damaged');
      const up = await stand.bulkhead(['up']);
      const now = await identity();
      assert.deepEqual([now.inUse, now.recipient, now.file], ['no', recipient, false], up.stdout + up.stderr);
      const { stderr } = await stand.bulkhead(['secrets', 'set', 'mine'], { input: `${VALUE}3` });
      assert.match(stderr, /^The gateway has no key, so it keeps no secrets\.\n/);
    });
    await t.test('with this TPM again all is there as it was last set', async () => {
      const { folder } = given(mine, join(stand.folder, 'three'));
      await withCredentials(stand, folder);
      assert.equal(await state(), 'set');
      const key = new Decrypter();
      key.addIdentity(before.toString().trim());
      assert.equal(await key.decrypt(readFileSync(join(stand.state, 'gateway/secrets/mine.age')), 'text'), `${VALUE}2`);
    });
    await t.test('after a change of Secure Boot (PCR 7) this TPM does not give it either', () => {
      mine.measure();
      const { folder, said } = given(mine, join(stand.folder, 'four'));
      assert.deepEqual(readdirSync(folder), [], said);
    });
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { credentialName } from '../../src/plan/machine.ts';
import { ONE } from './fleets.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';
import { withCredentials } from './with-credentials.ts';

const VALUE = `kept-value-${'a1B2'.repeat(8)}`;

test('the key that opens the secrets is root’s file, or a credential of systemd; without it nothing is lost and nothing is made', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside(ONE, async (stand) => {
    const secrets = join(stand.state, 'secrets');
    const state = async (): Promise<string> =>
      (await stand.bulkhead(['secrets', 'list', '--json'])).json.secrets[0].state;
    assert.equal((await stand.bulkhead(['secrets', 'set', 'mine'], { input: VALUE })).status, 0);
    await t.test('identity says that it is a file, and that the gateway has it', async () => {
      const { stdout, json } = await stand.bulkhead(['secrets', 'identity', '--json']);
      assert.deepEqual([json.file, json.credential, json.inUse], [true, false, 'yes'], stdout);
      assert.match(json.recipient, /^age1[a-z0-9]{58}$/);
      assert.doesNotMatch(stdout, /AGE-SECRET/);
    });
    const folder = join(stand.folder, 'credentials');
    mkdirSync(folder, { mode: 0o700 });
    renameSync(join(secrets, 'identity'), join(folder, credentialName(stand.state)));
    await t.test('given by systemd, the same secrets open, and up makes no other key', async () => {
      await withCredentials(stand, folder);
      assert.equal(await state(), 'set');
      const { json } = await stand.bulkhead(['secrets', 'identity', '--json']);
      assert.deepEqual([json.file, json.inUse], [false, 'yes']);
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      assert.equal((await stand.bulkhead(['secrets', 'identity', '--json'])).json.file, false);
      assert.match((await stand.bulkhead(['secrets', 'set', 'mine'], { input: `${VALUE}2` })).stdout, /is replaced/);
    });
    await t.test('without it the secrets are told as not open, and nothing new is sealed to another key', async () => {
      await withCredentials(stand, undefined);
      assert.equal(await state(), 'damaged');
      const { status, stdout } = await stand.bulkhead(['secrets', 'identity']);
      assert.equal(status, 1);
      assert.match(stdout, /THE GATEWAY DOES NOT HAVE IT/);
      const { stderr } = await stand.bulkhead(['secrets', 'set', 'mine'], { input: VALUE });
      assert.match(stderr, /^The gateway has no key, so it keeps no secrets\.\nbulkhead secrets identity says/);
    });
    await t.test('brought back, they are there again', async () => {
      renameSync(join(folder, credentialName(stand.state)), join(secrets, 'identity'));
      await withCredentials(stand, undefined);
      assert.equal(await state(), 'set');
    });
  });
});

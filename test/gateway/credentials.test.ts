import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateX25519Identity } from 'age-encryption';
import { removeTree } from '../../src/host/files/mounts.ts';
import { secretName } from '../../src/model/names.ts';
import { Credentials } from '../../src/programs/gateway/secrets/credentials.ts';
import { Sealer } from '../../src/programs/gateway/secrets/sealer.ts';
import { Vault } from '../../src/programs/gateway/secrets/vault.ts';

const KEY = secretName('api');
const at = { host: 'allow.test', port: 443 };
const here = { ...at, literal: false };
const binding = { variable: 'KEY', secret: KEY, ...at, in: ['bearer'] };

test('what stands for the secrets at a destination is worked out once, and anew when a secret or the bindings change', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bh-credentials-'));
  try {
    const sealer = new Sealer(await generateX25519Identity());
    const vault = await Vault.open(dir, sealer);
    const credentials = new Credentials(vault);
    const bindings = [binding];
    const values = (): (string | undefined)[] =>
      credentials.here('coder', bindings, here).bound.map(({ value }) => value);
    assert.deepEqual(values(), [undefined]);
    await vault.set(KEY, await sealer.seal('first-value-0123456789'));
    assert.deepEqual(values(), ['first-value-0123456789']);
    const known = credentials.here('coder', bindings, here);
    assert.equal(credentials.here('coder', bindings, { ...here }), known);
    assert.ok(known.reflected.some(({ find }) => find.equals(Buffer.from('first-value-0123456789'))));
    assert.deepEqual(
      known.stray.map(({ find }) => find.toString()),
      known.all,
    );
    await vault.set(KEY, await sealer.seal('other-value-0123456789'));
    assert.deepEqual(values(), ['other-value-0123456789']);
    vault.remove(KEY);
    assert.deepEqual(values(), [undefined]);
    assert.deepEqual(credentials.here('coder', bindings, { ...here, port: 444 }).bound, []);
    assert.deepEqual(credentials.here('coder', [], here).all, []);
    assert.notDeepEqual(credentials.here('other', bindings, here).all, credentials.here('coder', bindings, here).all);
  } finally {
    removeTree(dir);
  }
});

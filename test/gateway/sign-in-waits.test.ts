import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateX25519Identity } from 'age-encryption';
import { removeTree } from '../../src/host/files/mounts.ts';
import { secretName } from '../../src/model/names.ts';
import { sealed } from '../../src/programs/cli/seal.ts';
import type { Entry } from '../../src/programs/gateway/record/record.ts';
import { Sealer } from '../../src/programs/gateway/secrets/sealer.ts';
import { SignIns } from '../../src/programs/gateway/secrets/sign-ins.ts';
import { Vault } from '../../src/programs/gateway/secrets/vault.ts';

const MINE = secretName('mine');

test('an endpoint that is away is asked less and less often, and at once when an agent asks', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_800_000_000_000 });
  const dir = mkdtempSync(join(tmpdir(), 'bulkhead-waits-'));
  t.after(() => removeTree(dir));
  mkdirSync(join(dir, 'secrets'));
  const sealer = new Sealer(await generateX25519Identity());
  const vault = await Vault.open(join(dir, 'secrets'), sealer);
  const entries: Entry[] = [];
  const asked = (): number => entries.filter(({ event }) => event === 'secret.refreshing').length;
  const append = async (some: readonly Entry[]): Promise<void> => void entries.push(...some);
  const away = async (): Promise<never> => {
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  };
  const outside = { recorder: { append, appendSoon: append }, resolve: away, keys: {} as never };
  const signIns = await SignIns.open(join(dir, 'secrets'), vault, outside);
  const [access, refresh] = ['oat', 'ort'].map((kind) => `sk-ant-${kind}01-${'aB3'.repeat(20)}`);
  const text = JSON.stringify({ harness: 'claude-code', access, refresh, until: Date.now() + 60_000 });
  await signIns.take(MINE, await sealed(text, await sealer.recipient()), []);
  const pass = async (seconds: number): Promise<void> => {
    for (let left = seconds; left > 0; left -= 30) {
      t.mock.timers.tick(30_000);
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    }
  };
  await pass(600);
  assert.equal(asked(), 5, 'at once, after 30 s, and after 1, 2 and 4 minutes more');
  await pass(600);
  assert.equal(asked(), 7, 'and every 5 minutes from then on');
  await signIns.refresh(MINE, { agent: 'coder' });
  assert.equal(asked(), 8);
  await signIns.take(MINE, await sealed(text, await sealer.recipient()), []);
  await pass(30);
  assert.ok(asked() > 8, 'a new sign-in does not wait for what became of the one before');
});

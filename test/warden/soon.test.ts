import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../src/model/failure.ts';
import { answered, soon } from '../../src/programs/warden/programs/soon.ts';

const NEVER = new Promise<never>(() => {});

test('whoever asks a gateway that hangs is told so in two lines', async () => {
  await assert.rejects(answered(NEVER, 20), (error) => error instanceof Failure && error.code === 'gateway-hangs');
  await assert.rejects(soon(NEVER, 20), /no answer in 0\.02 s/);
  assert.equal(await answered(Promise.resolve(1)), 1);
  await assert.rejects(answered(Promise.reject(new Failure('other', 'a', 'b'))), { code: 'other' });
});

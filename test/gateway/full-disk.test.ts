import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateX25519Identity } from 'age-encryption';
import { sealed } from '../../src/programs/cli/seal.ts';
import { World } from './world.ts';

const world = new World();
before(async () => {
  world.identity = await generateX25519Identity();
  await world.start({});
  await world.policy({ coder: [] });
  await world.agent('coder');
});
after(() => world.stop());

/** Whoever writes this file meets a full disk (full(4)). @returns makes room */
function full(name: string): () => void {
  const path = join(world.dir, 'gateway', `${name}.next`);
  symlinkSync('/dev/full', path);
  return () => rmSync(path);
}

test('a disk that is full is said to be, and the gateway serves all agents on', async () => {
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  const set = async (): Promise<unknown> =>
    world.warden.call('secrets.set', {
      name: 'api',
      sealed: Buffer.from(await sealed('a-value-of-some-length', recipient)).toString('base64'),
    });
  const makeRoom = full('secrets/api.age');
  await assert.rejects(set(), { code: 'no-space' });
  makeRoom();
  assert.match((await world.curl('coder', 'http://bulkhead.internal/')).out, /You are coder/);
  assert.equal(((await set()) as { replaced: boolean }).replaced, false);
});

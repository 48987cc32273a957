import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_EDGE } from '../../src/ledger/edge.ts';
import { admit, sealEntry } from '../../src/ledger/entry.ts';
import { formatVerifier, verifierOf } from '../../src/ledger/note.ts';
import { partialTiles, tilePath } from '../../src/ledger/tiles.ts';
import { EMPTY_ROOT } from '../../src/ledger/tree.ts';
import { type Head, publish, type Signer } from '../../src/programs/ledger/publisher.ts';
import { Tail } from '../../src/programs/ledger/tail.ts';
import { verifyLedger } from '../../src/programs/ledger/verify.ts';
import { folder } from './process.ts';

const pair = generateKeyPairSync('ed25519');
const x = pair.publicKey.export({ format: 'jwk' }).x as string;
const signer: Signer = {
  verifier: verifierOf('ledger.test/one', Buffer.from(x, 'base64url')),
  privateKey: pair.privateKey,
};
const key = formatVerifier(signer.verifier);
const body = (index: number): Buffer =>
  sealEntry(admit({ event: 'step.begin', pad: 'x'.repeat((index * 7919) % 400) }), {
    index,
    time: '2026-01-01T00:00:00.000Z',
    by: 'warden',
  });

async function grown(t: TestContext, sizes: readonly number[]): Promise<{ dir: string; heads: Head[] }> {
  const dir = folder(t);
  const tail = new Tail(0);
  const heads: Head[] = [{ edge: EMPTY_EDGE, root: EMPTY_ROOT, checkpoint: '' }];
  for (const size of sizes) {
    while (tail.end < size) tail.push(body(tail.end));
    heads.push(await publish(dir, heads.at(-1) as Head, size, tail, signer));
    tail.dropBelow(size);
  }
  return { dir, heads };
}

test('in whatever steps it grows, every head verifies, continues the earlier ones, and leaves only its own partial tiles', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 }), async (steps) => {
      const sizes = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, step) => sum + step, 0));
      const { dir, heads } = await grown(t, sizes);
      const size = sizes.at(-1) as number;
      const earlier = heads.slice(1).map(({ checkpoint }) => checkpoint);
      const result = await verifyLedger(dir, { key, earlier });
      assert.ok(result.ok, JSON.stringify(result));
      assert.deepEqual(result.continues, sizes);
      const partial = readdirSync(dir, { recursive: true }).filter((name) => /\.p\/\d+$/.test(String(name)));
      const wanted = partialTiles(size).flatMap(({ level, index, width }) => [
        tilePath(level, index, width),
        ...(level === 0 ? [tilePath('entries', index, width)] : []),
      ]);
      assert.deepEqual(partial.sort(), wanted.sort());
    }),
    { seed: 256, numRuns: 25 },
  );
});

test('links, folders and pipes in the place of files are neither followed nor waited for', async (t) => {
  const { dir } = await grown(t, [300]);
  const path = join(dir, 'tile/0/000');
  const elsewhere = join(dir, 'elsewhere');
  writeFileSync(elsewhere, Buffer.alloc(8192));
  const put = [
    () => symlinkSync(elsewhere, path),
    () => symlinkSync(path, path),
    () => void execFileSync('mkfifo', [path]),
    () => mkdirSync(path),
  ];
  for (const replace of put) {
    rmSync(path);
    replace();
    const result = await verifyLedger(dir, { key });
    assert.ok(!result.ok && result.problems.every(({ code }) => code === 'missing'), JSON.stringify(result));
  }
});

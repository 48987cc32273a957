import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { encodeBundle } from '../../src/ledger/tiles.ts';
import type { Problem, Verification } from '../../src/ledger/verify.ts';
import { exportLedger, verifyLedger } from '../../src/programs/ledger/verify.ts';
import { connect, finish, folder, started } from './process.ts';

/** A ledger of 600 entries whose process has ended, and the checkpoint it had at 300. */
async function ledger(t: TestContext): Promise<{ dir: string; earlier: string; home: string }> {
  const home = folder(t);
  const batch = (from: number): { event: string; n: number }[] =>
    Array.from({ length: 300 }, (_, i) => ({ event: 'step.begin', n: from + i }));
  const first = await started(t, home);
  await (await connect(t, first)).append(batch(0), 'acknowledged');
  await finish(first);
  const earlier = readFileSync(join(first.dir, 'checkpoint'), 'utf8');
  const second = await started(t, home);
  const client = await connect(t, second);
  await client.append(batch(300).slice(1), 'acknowledged');
  await client.append([{ event: 'command.started', argv: ['x'.repeat(70_000)] }], 'acknowledged');
  await finish(second);
  return { dir: second.dir, earlier, home };
}

function codes(result: Verification): Problem['code'][] {
  return result.ok ? [] : [...new Set(result.problems.map(({ code }) => code))];
}

test('alterations of a copied ledger are caught, each for what it is', async (t) => {
  const { dir, earlier, home } = await ledger(t);
  const key = readFileSync(join(dir, 'key.pub'), 'utf8');
  let copies = 0;
  const copy = (): string => {
    const to = join(home, `copy-${copies++}`);
    cpSync(dir, to, { recursive: true });
    return to;
  };
  const edit = (path: string, change: (bytes: Buffer) => Buffer): string => {
    const to = copy();
    writeFileSync(join(to, path), change(readFileSync(join(to, path))));
    return to;
  };
  const flip = (bytes: Buffer, at: number): Buffer => {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    return bytes;
  };
  const without = (path: string): string => {
    const to = copy();
    removeTree(join(to, path));
    return to;
  };

  await t.test('an unaltered copy is what its key, and an earlier head, say', async () => {
    const result = await verifyLedger(copy(), {
      key,
      earlier: [earlier, readFileSync(join(dir, 'checkpoint'), 'utf8')],
    });
    assert.ok(result.ok);
    assert.deepEqual([result.size, result.unsigned, result.gaps, result.continues], [600, 0, 0, [300, 600]]);
  });
  await t.test('an altered entry is named', async () => {
    const result = await verifyLedger(
      edit('tile/entries/001', (bytes) =>
        Buffer.from(bytes.toString('latin1').replace('"n":299,', '"n":298,'), 'latin1'),
      ),
    );
    assert.ok(!result.ok && result.problems.some(({ code, at }) => code === 'altered' && at === 'entry 299'));
  });
  await t.test('an entry that is altered together with its tiles still leads to another root', async () => {
    const to = copy();
    const bundle = join(to, 'tile/entries/000');
    writeFileSync(bundle, readFileSync(bundle, 'latin1').replace('"n":7,', '"n":8,'), 'latin1');
    removeTree(join(to, 'tile/0'));
    assert.ok(codes(await verifyLedger(to)).includes('root'));
  });
  await t.test('a removed entry is caught', async () => {
    const to = edit('tile/entries/000', (bytes) => bytes.subarray(0, bytes.length - (2 + bytes.readUInt16BE(0))));
    assert.deepEqual(codes(await verifyLedger(to)), ['altered']);
  });
  for (const path of ['tile/0/000', 'tile/0/002.p/88', 'tile/1/000.p/2', 'tile/entries/002.p/88', 'tile/entries/000'])
    await t.test(`a missing ${path} is named`, async () => {
      const result = await verifyLedger(without(path));
      assert.ok(!result.ok && result.problems.some(({ code, at }) => code === 'missing' && at === path));
    });
  for (const path of ['tile/0/000', 'tile/0/002.p/88', 'tile/1/000.p/2'])
    await t.test(`an altered ${path} is caught`, async () => {
      assert.ok(codes(await verifyLedger(edit(path, (bytes) => flip(bytes, 40)))).includes('altered'));
    });
  await t.test('a bad signature, a foreign key and a missing checkpoint are caught', async () => {
    assert.deepEqual(codes(await verifyLedger(edit('checkpoint', (bytes) => flip(bytes, bytes.length - 9)))), [
      'checkpoint',
    ]);
    assert.deepEqual(codes(await verifyLedger(edit('checkpoint', (bytes) => flip(bytes, bytes.indexOf('\n') + 1)))), [
      'checkpoint',
    ]);
    assert.deepEqual(codes(await verifyLedger(without('checkpoint'))), ['checkpoint']);
    assert.deepEqual(codes(await verifyLedger(without('key.pub'))), ['key']);
    const foreign = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
    assert.deepEqual(codes(await verifyLedger(dir, { key: foreign })), ['checkpoint']);
  });
  await t.test('a missing or altered whole entry is caught', async () => {
    const [name] = readdirSync(join(dir, 'whole'));
    assert.deepEqual(codes(await verifyLedger(without(`whole/${name}`))), ['missing']);
    assert.deepEqual(codes(await verifyLedger(edit(`whole/${name}`, (bytes) => flip(bytes, 9)))), ['altered']);
  });
});

test('a ledger that was set back, or begun anew, is caught by a head that has left the machine', async (t) => {
  const { dir, home } = await ledger(t);
  const witnessed = readFileSync(join(dir, 'checkpoint'), 'utf8');
  const back = join(home, 'back', 'ledger');
  cpSync(dir, back, { recursive: true });
  const running = await started(t, join(home, 'back'));
  await (await connect(t, running)).append([{ event: 'step.begin' }], 'acknowledged');
  await finish(running);
  const newer = readFileSync(join(back, 'checkpoint'), 'utf8');
  assert.deepEqual(codes(await verifyLedger(back, { earlier: [witnessed] })), []);
  assert.deepEqual(codes(await verifyLedger(dir, { earlier: [newer] })), ['rolled-back']);

  const fork = await started(t, home);
  await (await connect(t, fork)).append([{ event: 'step.end' }, { event: 'step.end' }], 'acknowledged');
  await finish(fork);
  assert.deepEqual(codes(await verifyLedger(dir, { earlier: [newer] })), ['forked']);
  assert.deepEqual(codes(await verifyLedger(dir, { earlier: [witnessed] })), []);
});

test('an entry that is not where it says, or whose time goes back, is caught though everything is signed', async (t) => {
  const { dir } = await ledger(t);
  const bundle = join(dir, 'tile/entries/002.p/88');
  const moved = Array.from({ length: 88 }, (_, i) =>
    Buffer.from(JSON.stringify({ event: 'x', index: 512 + ((i + 1) % 88), time: `${i % 2}` })),
  );
  writeFileSync(bundle, encodeBundle(moved));
  assert.ok(codes(await verifyLedger(dir)).includes('order'));
});

test('an export made while the ledger is at work verifies, and holds no signing key', async (t) => {
  const home = folder(t);
  const running = await started(t, home);
  const client = await connect(t, running);
  let on = true;
  const writing = (async () => {
    while (on) await client.append(Array(100).fill({ event: 'step.begin' }), 'acknowledged');
  })();
  const signed = async (): Promise<number> => ((await client.client.call('head')) as { size: number }).size;
  while ((await signed()) === 0) await sleep(50);
  const to = join(home, 'export');
  const { size } = await exportLedger(running.dir, to);
  on = false;
  await writing;
  assert.ok(size > 0);
  assert.deepEqual(await verifyLedger(to).then((it) => it.ok && it.size), size);
  assert.ok(!existsSync(join(to, 'key')));
  await assert.rejects(exportLedger(running.dir, to), { code: 'export-exists' });
  const live = await verifyLedger(running.dir);
  assert.ok(
    live.ok || live.problems.every(({ code }) => code === 'missing'),
    'a live folder may move on while it is read',
  );
});

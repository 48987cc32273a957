import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyLedger } from '../../src/programs/ledger/verify.ts';
import { connect, finish, folder, signed, start, started } from './process.ts';

test('a tile that the head relies on is not written again: killed at any write to it, the ledger starts again', async (t) => {
  const home = folder(t);
  const first = await started(t, home);
  const client = await connect(t, first);
  await client.append(Array(300).fill({ event: 'step.begin' }), 'acknowledged');
  await signed(client, 300);
  assert.equal(await finish(first), 0);
  for (const tile of ['tile/0/001.p/44', 'tile/1/000.p/1']) {
    const only = ['-P', join(first.dir, tile), '-e', 'trace=write,pwrite64'];
    const inject = ['-e', 'inject=write,pwrite64:signal=KILL:when=1'];
    const killed = await start(t, home, ['strace', '-D', '-f', '-qq', '-o', '/dev/null', ...only, ...inject]);
    if (killed) {
      const writer = await connect(t, killed);
      const more = writer.append([{ event: 'step.end' }], 'acknowledged').then(() => signed(writer, 301));
      await Promise.race([more.catch(() => {}), killed.exited]);
      await finish(killed);
    }
    const again = await started(t, home);
    assert.equal(await finish(again), 0, tile);
    const result = await verifyLedger(first.dir);
    assert.ok(result.ok, `${tile}: ${JSON.stringify(result)}`);
  }
});

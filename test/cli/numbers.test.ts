import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockAccounts } from '../../src/host/files/lock.ts';
import { withNumbers } from '../../src/programs/cli/state.ts';

const skip = process.getuid?.() === 0 ? false : 'only root gives out numbers of users';
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

/** Whoever is not root, holding the lock of a path if they can. @returns its exit status, or an end to it */
async function heldByNobody(path: string): Promise<(() => void) | number> {
  const child = spawn(
    'setpriv',
    [...NOBODY, 'flock', '--no-fork', '-n', path, 'sh', '-c', 'echo held; exec sleep 60'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  return new Promise((resolve) => {
    child.stdout.once('data', () => resolve(() => child.kill()));
    child.once('close', (status) => resolve(status ?? -1));
  });
}

test('no other user keeps an up waiting: what they may lock is not what an up waits for', { skip }, async () => {
  const holds = [await heldByNobody('/etc'), await heldByNobody('/etc/passwd')];
  try {
    assert.ok(holds.every((hold) => typeof hold === 'function'));
    const soon = (): AbortSignal => AbortSignal.timeout(60_000); // as long as another fleet's up may take
    await withNumbers(soon(), async () => {
      assert.equal(typeof (await heldByNobody('/etc/.pwd.lock')), 'number', 'root has it; nobody may not even open it');
      const second = withNumbers(AbortSignal.timeout(100), async () => assert.fail('two have it'));
      await assert.rejects(second, { code: 'busy' }, 'a second one waits for the first');
    });
    assert.equal(await withNumbers(soon(), async () => 'had'), 'had', 'and has its turn when that is done');
  } finally {
    for (const hold of holds) if (typeof hold === 'function') hold();
  }
});

test('a lock that others may open is none, and said with its mending', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-numbers-'));
  const path = join(folder, 'lock');
  try {
    writeFileSync(path, '');
    chmodSync(path, 0o644);
    assert.throws(() => lockAccounts(path), { code: 'lock-open' });
    chmodSync(path, 0o600);
    const give = lockAccounts(path);
    assert.ok(give);
    assert.equal(lockAccounts(path), undefined);
    give();
    const again = lockAccounts(path);
    assert.ok(again, 'it was given back');
    again();
  } finally {
    unlinkSync(path);
    rmdirSync(folder);
  }
});

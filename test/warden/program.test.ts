import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { LogFile } from '../../src/programs/warden/logs/log-file.ts';
import { Program, type Start } from '../../src/programs/warden/programs/program.ts';
import type { Order } from '../../src/tiers/orders.ts';

/** Who it is to run as: only root becomes somebody else. */
const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
const SOMEBODY: readonly Order[] =
  uid === 0
    ? [
        { do: 'uid', id: 64_736 },
        { do: 'gid', id: 64_736 },
      ]
    : [{ do: 'rootless' }, { do: 'uid', id: uid }, { do: 'gid', id: gid }];

test('a program that cannot be started now, and again when it ended, is started later, and nobody who asked for it ends', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-program-'));
  t.after(() => removeTree(folder));
  const log = new LogFile(join(folder, 'log'));
  let asked = 0;
  const prepare = (): Start => {
    if (++asked < 3) throw new Error('EMFILE: too many open files');
    return {
      orders: [...SOMEBODY, { do: 'arg', value: '/bin/sleep' }, { do: 'arg', value: '100' }],
      descriptors: [],
      held: [],
      ready: () => Promise.resolve(),
    };
  };
  const program = new Program('sleeper', prepare, log);
  t.after(() => program.end());
  const ends: string[] = [];
  program.onEnd = (how) => ends.push(how);
  program.start();
  assert.deepEqual([program.state, program.pid], ['down', undefined]);
  const runs = (): boolean =>
    program.pid !== undefined && readFileSync(`/proc/${program.pid}/cmdline`, 'utf8') === '/bin/sleep\u0000100\0';
  for (const late = Date.now() + 60_000; !runs(); await sleep(20)) assert.ok(Date.now() < late);
  assert.equal(program.state, 'running');
  assert.deepEqual([asked, program.restarts, ends], [3, 2, Array(2).fill('not started: EMFILE: too many open files')]);
  assert.match(
    readFileSync(join(folder, 'log'), 'utf8'),
    /sleeper ended \(not started: EMFILE: .*\); starting it again in 100 ms/,
  );

  await program.end();
  const never = new Program('never', () => assert.fail('no file'), log);
  never.start();
  await never.end();
  await sleep(200);
  assert.equal(never.restarts, 1, 'what was ended for good is not started again');
});

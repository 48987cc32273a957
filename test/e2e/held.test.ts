import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { StatusDocument } from '../../src/model/documents.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = `agents:
  stopped: { limits: { memory: 128M, disk: 64M } }
  paused: { limits: { memory: 128M, disk: 64M } }
  going: { limits: { memory: 128M, disk: 64M } }
`;

async function states(stand: Stand): Promise<Record<string, string>> {
  const { json } = await stand.bulkhead(['status', '--json']);
  return Object.fromEntries(((json as StatusDocument)?.agents ?? []).map(({ name, state }) => [name, state]));
}

test('who was stopped or paused by an operator does not come back with a warden that died', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside(FLEET, async (stand) => {
    assert.equal((await stand.bulkhead(['stop', 'stopped'])).status, 0);
    assert.equal((await stand.bulkhead(['pause', 'paused'])).status, 0);
    const { json } = await stand.bulkhead(['status', '--json']);
    process.kill(
      (json as StatusDocument).programs.find(({ name }) => name === 'warden')?.pid ?? assert.fail(),
      'SIGKILL',
    );
    const late = Date.now() + 60_000;
    const wanted = { stopped: 'stopped', paused: 'stopped', going: 'idle' };
    for (let now = await states(stand); ; now = await states(stand)) {
      if (isDeepStrictEqual(now, wanted)) break;
      if (Date.now() > late) assert.deepEqual(now, wanted, 'the fleet came back, but for them');
      await wait(200);
    }
    assert.equal((await stand.bulkhead(['restart', 'stopped'])).status, 0);
    assert.equal((await states(stand)).stopped, 'idle');
    await t.test('a full disk keeps nobody from pausing or stopping an agent, and is told', () => onFullDisk(stand));
  });
});

/** Whoever writes down who is stopped or paused meets a full disk (full(4)). */
async function onFullDisk(stand: Stand): Promise<void> {
  const next = join(stand.state, 'held.json.next');
  symlinkSync('/dev/full', next);
  assert.match((await stand.bulkhead(['pause', 'going'])).stderr, /no space left/);
  assert.equal((await states(stand)).going, 'paused');
  rmSync(next);
  assert.equal((await stand.bulkhead(['resume', 'going'])).status, 0);
  symlinkSync('/dev/full', next);
  assert.match((await stand.bulkhead(['stop', 'going'])).stderr, /no space left/);
  assert.equal((await states(stand)).going, 'stopped');
}

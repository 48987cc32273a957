import assert from 'node:assert/strict';
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
}, async () => {
  await withFleetBeside(FLEET, async (stand) => {
    assert.equal((await stand.bulkhead(['stop', 'stopped'])).status, 0);
    assert.equal((await stand.bulkhead(['pause', 'paused'])).status, 0);
    const { json } = await stand.bulkhead(['status', '--json']);
    process.kill(
      (json as StatusDocument).programs.find(({ name }) => name === 'warden')?.pid ?? assert.fail(),
      'SIGKILL',
    );
    const late = Date.now() + 20_000;
    const wanted = { stopped: 'stopped', paused: 'stopped', going: 'idle' };
    for (let now = await states(stand); ; now = await states(stand)) {
      if (isDeepStrictEqual(now, wanted)) break;
      if (Date.now() > late) assert.deepEqual(now, wanted, 'the fleet came back, but for them');
      await wait(200);
    }
    assert.equal((await stand.bulkhead(['restart', 'stopped'])).status, 0);
    assert.equal((await states(stand)).stopped, 'idle');
  });
});

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial } from '../../src/wire/client.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

test('what is asked of an agent that is just coming up waits for it', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside('agents:\n  worker: {}\n  other: {}\n', async (stand) => {
    await t.test('a command, from the moment a warden was killed', async () => {
      await killWarden(stand);
      const { status, stdout, stderr } = await stand.run('worker', ['echo', 'ran']);
      assert.deepEqual([status, stdout, stderr], [0, 'ran\n', '']);
    });
    await t.test(
      'a drill, from the moment the next warden answers; an agent that is not known is told at once',
      async () => {
        await killWarden(stand);
        const warden = await answering(stand);
        const unknown = warden.call('drill.facts', { agent: 'nobody' });
        await assert.rejects(unknown, { code: 'no-such-agent' });
        const [worker, other] = (await Promise.all(
          ['worker', 'other'].map((agent) => warden.call('drill.facts', { agent })),
        )) as { state: string }[];
        assert.deepEqual([worker?.state, other?.state], ['idle', 'idle']);
        warden.close();
      },
    );
    await t.test('one that is stopped is not waited for', async () => {
      assert.equal((await stand.bulkhead(['stop', 'worker'])).status, 0);
      const { status, stderr } = await stand.run('worker', ['true']);
      assert.equal(status, 125);
      assert.match(stderr, /^worker is stopped, so .*\nFirst: bulkhead restart worker\n$/);
    });
  });
});

async function killWarden(stand: Stand): Promise<void> {
  const { json } = await stand.bulkhead(['status', '--json']);
  const { pid } = json.programs.find(({ name }: { name: string }) => name === 'warden');
  assert.ok(pid > 1, 'no warden runs');
  process.kill(pid, 'SIGKILL');
  // Until it is gone, it may still be connected to, and be cut off.
  for (const late = Date.now() + 30_000; existsSync(`/proc/${pid}`); await sleep(5)) assert.ok(Date.now() < late);
}

/** The next warden, as soon as there is one. */
async function answering({ state }: Stand): ReturnType<typeof dial> {
  for (const late = Date.now() + 60_000; Date.now() < late; await sleep(20)) {
    const client = await dial(`${state}/run/warden.sock`).catch(() => undefined);
    if (client) return client;
  }
  throw new Error('no warden came back');
}

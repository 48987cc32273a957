import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { admit } from '../../src/ledger/entry.ts';
import { Log } from '../../src/programs/ledger/log.ts';
import { Tail } from '../../src/programs/ledger/tail.ts';
import { Writer } from '../../src/programs/ledger/writer.ts';
import { folder } from './process.ts';

test('a clock that jumps back repeats the last time, across a restart too, and what it said is kept', async (t) => {
  const dir = join(folder(t), 'log');
  mkdirSync(dir);
  const tail = new Tail(0);
  const clocks = [2_000, 1_500, 1_999, 2_001, 1_000];
  const writer = new Writer({
    log: new Log(dir, 0),
    tail,
    lastTime: 1_800,
    clock: () => clocks.shift() as number,
    now: () => performance.now(),
    onAcknowledged: () => {},
    onBroken: (why) => assert.fail(why),
  });
  for (let i = 0; i < 5; i++) await writer.append([admit({ event: 'step.begin' })], 'ledger', 'acknowledged');
  const stamps = tail.entries(0, 5).map((bytes) => JSON.parse(bytes.toString()) as { time: string; clock?: string });
  const at = (ms: number): string => new Date(ms).toISOString();
  assert.deepEqual(
    stamps.map(({ time, clock }) => [time, clock]),
    [
      [at(2_000), undefined],
      [at(2_000), at(1_500)],
      [at(2_000), at(1_999)],
      [at(2_001), undefined],
      [at(2_001), at(1_000)],
    ],
  );
});

/** A disk without waiting, so that the syncs asked for are counted and not how many it bears. */
class CountedLog extends Log {
  syncs = 0;
  override sync(done: (error: Error | null) => void): void {
    this.syncs++;
    setImmediate(done, null);
  }
}

test('accepted entries share a sync and are on disk soon; whoever waits for the disk has one at once', async (t) => {
  const dir = join(folder(t), 'log');
  mkdirSync(dir);
  const tail = new Tail(0);
  const log = new CountedLog(dir, 0);
  const writer = new Writer({
    ...{ log, tail, lastTime: 0, clock: Date.now, now: () => performance.now() },
    ...{ onAcknowledged: () => {}, onBroken: (why) => assert.fail(why) },
  });
  const append = (strength: 'accepted' | 'acknowledged'): Promise<number> =>
    writer.append([admit({ event: 'egress.allowed' })], 'gateway', strength);
  const begun = performance.now();
  for (let i = 0; i < 200; i++) await append('accepted');
  const ms = performance.now() - begun;
  assert.ok(log.syncs <= 1 + ms / 5, `${log.syncs} syncs in ${ms.toFixed(0)} ms`);
  for (const late = Date.now() + 20_000; writer.acknowledged < 200 && Date.now() < late; )
    await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(writer.acknowledged, 200, 'nobody asked, and they are on disk');
  const before = log.syncs;
  await append('acknowledged');
  assert.equal(log.syncs, before + 1);
  await append('accepted');
  await writer.settled();
  assert.equal(writer.acknowledged, 202);
});

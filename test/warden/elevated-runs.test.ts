import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeCgroup } from '../../src/host/cgroup/cgroup-life.ts';
import { observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { ElevatedRuns, type Judged } from '../../src/programs/warden/elevated/elevated-runs.ts';

// Real commands of root in real cgroups; the record alone is the test's, so that it can take its time.

const skip = process.getuid?.() === 0 ? false : 'commands outside take root';

interface Stage {
  readonly runs: ElevatedRuns;
  readonly judged: Judged;
  /** What the command makes. */
  readonly made: string;
  readonly told: { readonly event: string; readonly notStarted?: string }[];
  /** The record has taken it. */
  readonly recorded: () => void;
  stands: boolean;
}

function stage(t: TestContext): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-runs-'));
  const cgroups = observeCgroups();
  const fleet = `runs${process.pid}`;
  const runs = new ElevatedRuns({
    ...{ cgroups, fleet: () => fleet, note: (text) => t.diagnostic(text) },
    inbox: { use: async () => undefined as never },
    record: { write: () => written.promise, tell: (entry) => void told.push(entry as never) },
  });
  const written = Promise.withResolvers<void>();
  const told: Stage['told'] = [];
  t.after(async () => {
    await runs.stop();
    await removeCgroup(cgroups, `bulkhead/${fleet}`);
    removeTree(folder);
  });
  const made = join(folder, 'made');
  const rule = { run: ['touch', made], as: 'root', ask: true, time: 10_000 } as never;
  const terms = { argv: ['touch', made], as: 'root', program: { path: '/usr/bin/touch', digest: '' } };
  const mustStand = (): void => {
    if (!all.stands) throw new Error('policy has changed meanwhile');
  };
  const judged = { number: 1, agent: 'a', rule, terms, via: 'stub', question: 7, mustStand };
  const all: Stage = { runs, judged, made, told, recorded: () => written.resolve(), stands: true };
  return all;
}

test('a command runs once it is on record', { skip }, async (t) => {
  const { runs, judged, made, recorded, told } = stage(t);
  const started = runs.start(judged);
  await sleep(300);
  assert.equal(existsSync(made), false);
  recorded();
  const socket = await started;
  for (const late = Date.now() + 60_000; told.length === 0 && Date.now() < late; ) await sleep(20);
  assert.deepEqual([existsSync(made), told.map(({ event }) => event)], [true, ['elevated.ended']]);
  closeSync(socket);
});

test('one whose approval is taken back while it is being recorded is not started, and that is on record', {
  skip,
}, async (t) => {
  const { runs, judged, made, recorded, told } = stage(t);
  const started = runs.start(judged);
  await sleep(50);
  assert.equal(runs.end(7), 1, 'whoever revokes finds it');
  recorded();
  await assert.rejects(started, /taken back/);
  await sleep(300);
  assert.equal(existsSync(made), false);
  assert.match(told[0]?.notStarted ?? '', /taken back/);
});

test('nor is one that policy does not have any more by then', { skip }, async (t) => {
  const all = stage(t);
  const started = all.runs.start(all.judged);
  await sleep(50);
  all.stands = false;
  all.recorded();
  await assert.rejects(started, /policy has changed/);
  await sleep(300);
  assert.equal(existsSync(all.made), false);
});

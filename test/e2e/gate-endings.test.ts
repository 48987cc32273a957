import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { another, approve, execs, pidOf, runsBy } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = `
agents:
  one:
    exec: { sets: [base], ask: on-miss }
    ask: { wait: 2m }
`;

interface Ended {
  readonly event: string;
  readonly agent: string;
  readonly rule: string;
  readonly n: number;
  readonly of: number;
  readonly status?: number | string;
  readonly signal?: number;
  readonly why?: string;
  readonly ms: number;
}

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['how an approved program ended is on record: its status, under its approval', status],
  ['a signal that ended it is on record', signal],
  ['the next gate goes on watching what the last one approved', nextGate],
  ['of what ended while there was no gate it is said that nobody knows', unseen],
];

test('how approved programs end', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(FLEET, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

async function ended(stand: Stand, id: number, withinMs = 60_000): Promise<Ended> {
  const end = Date.now() + withinMs;
  for (;;) {
    const all = (await execs(stand)) as unknown as Ended[];
    const found = all.find(({ event, rule }) => event === 'exec.ended' && rule === `approval ${id}`);
    if (found) {
      const started = all.find(({ n }) => n === found.of);
      assert.deepEqual([started?.event, started?.rule, found.agent], ['exec.allowed', found.rule, 'one']);
      return found;
    }
    if (Date.now() > end) assert.fail(`no end of approval ${id}`);
    await sleep(200);
  }
}

async function status(stand: Stand): Promise<void> {
  const since = performance.now();
  const good = stand.start(['run', 'one', '--', 'factor', '91']).ended;
  const first = await approve(stand, 'factor 91');
  assert.equal((await good).status, 0);
  const bad = stand.start(['run', 'one', '--', 'sh', '-c', 'factor x; sleep 0.2']).ended;
  const second = await approve(stand, 'factor x');
  await bad;
  const [one, two] = [await ended(stand, first), await ended(stand, second)];
  assert.deepEqual([one.status, two.status], [0, 1]);
  assert.ok(one.ms >= 0 && one.ms < performance.now() - since, String(one.ms));
}

async function signal(stand: Stand): Promise<void> {
  const line = 'factor < /dev/zero & until [ -e /workspace/go ]; do sleep 0.1; done; kill -9 $!; wait';
  const { ended: over } = stand.start(['run', 'one', '--', 'sh', '-c', line]);
  const id = await approve(stand, 'factor');
  await runsBy(stand, id);
  assert.equal((await stand.run('one', ['touch', '/workspace/go'])).status, 0);
  await over;
  assert.equal((await ended(stand, id)).signal, 9);
}

/** A pipe in the workspace: what reads it goes on when we write to it, and needs no gate to do so. */
function pipeIn(stand: Stand, name: string): string {
  const path = `${stand.state}/agents/one/disk/workspace/${name}`;
  execFileSync('mkfifo', ['-m', '666', path]);
  return path;
}

/** Reads one line from that pipe, and then lets `factor` end. */
const LINE = (name: string): string => `{ read line < /workspace/${name}; } | factor; exit 0`;

/** Until another gate answers for what is run. */
async function newGate(stand: Stand, old: number): Promise<void> {
  await another(stand, 'gate', old);
  assert.equal((await stand.run('one', ['true'])).status, 0);
}

async function nextGate(stand: Stand): Promise<void> {
  const pipe = pipeIn(stand, 'next');
  const { ended: over } = stand.start(['run', 'one', '--', 'sh', '-c', LINE('next')]);
  const id = await approve(stand, 'factor');
  await runsBy(stand, id);
  const since = performance.now();
  const gate = await pidOf(stand, 'gate');
  process.kill(gate, 'SIGKILL');
  await newGate(stand, gate);
  const least = performance.now() - since;
  writeFileSync(pipe, '\n');
  assert.equal((await over).status, 0);
  const { status: how, ms, why } = await ended(stand, id);
  assert.equal(how, 0, why);
  assert.ok(ms > least, `${ms}, of which the gate that saw the end was there for less than ${least}`);
}

async function unseen(stand: Stand): Promise<void> {
  const pipe = pipeIn(stand, 'unseen');
  const { ended: over } = stand.start(['run', 'one', '--', 'sh', '-c', LINE('unseen')]);
  const id = await approve(stand, 'factor');
  await runsBy(stand, id);
  const gate = await pidOf(stand, 'gate');
  process.kill(gate, 'SIGSTOP');
  writeFileSync(pipe, '\n');
  assert.equal((await over).status, 0);
  process.kill(gate, 'SIGKILL');
  await newGate(stand, gate);
  const { status: how, why } = await ended(stand, id);
  assert.deepEqual([how, why], ['unknown', 'it ended while there was no gate to see it']);
}

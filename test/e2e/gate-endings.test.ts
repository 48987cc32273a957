import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approve, execs, pidOf } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = `
agents:
  one:
    exec: { sets: [base], ask: on-miss }
    ask: { wait: 20s }
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

async function ended(stand: Stand, id: number, withinMs = 8000): Promise<Ended> {
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
  const good = stand.start(['run', 'one', '--', 'factor', '91']).ended;
  const first = await approve(stand, 'factor 91');
  assert.equal((await good).status, 0);
  const bad = stand.start(['run', 'one', '--', 'sh', '-c', 'factor x; sleep 0.2']).ended;
  const second = await approve(stand, 'factor x');
  await bad;
  const [one, two] = [await ended(stand, first), await ended(stand, second)];
  assert.deepEqual([one.status, two.status], [0, 1]);
  assert.ok(one.ms >= 0 && one.ms < 5000, String(one.ms));
}

async function signal(stand: Stand): Promise<void> {
  const line = 'factor < /dev/zero & until [ -e /workspace/go ]; do sleep 0.1; done; kill -9 $!; wait';
  const { ended: over } = stand.start(['run', 'one', '--', 'sh', '-c', line]);
  const id = await approve(stand, 'factor');
  const begun = async (): Promise<boolean> => (await execs(stand)).some(({ rule }) => rule === `approval ${id}`);
  for (const late = Date.now() + 10_000; !(await begun()); await sleep(100))
    assert.ok(Date.now() < late, 'it was approved and did not begin');
  assert.equal((await stand.run('one', ['touch', '/workspace/go'])).status, 0);
  await over;
  assert.equal((await ended(stand, id)).signal, 9);
}

async function newGate(stand: Stand, old: number): Promise<void> {
  for (let i = 0; i < 100 && (await pidOf(stand, 'gate').catch(() => old)) === old; i++) await sleep(50);
  await sleep(500);
}

async function nextGate(stand: Stand): Promise<void> {
  const { ended: over } = stand.start(['run', 'one', '--', 'sh', '-c', 'sleep 8 | factor; exit 0']);
  const id = await approve(stand, 'factor');
  await sleep(300);
  const gate = await pidOf(stand, 'gate');
  process.kill(gate, 'SIGKILL');
  await newGate(stand, gate);
  assert.equal((await over).status, 0);
  const { status: how, ms } = await ended(stand, id);
  assert.equal(how, 0);
  assert.ok(ms > 3000, String(ms));
}

async function unseen(stand: Stand): Promise<void> {
  const { ended: over } = stand.start(['run', 'one', '--', 'sh', '-c', 'sleep 5 | factor; exit 0']);
  const id = await approve(stand, 'factor');
  await sleep(300);
  const gate = await pidOf(stand, 'gate');
  process.kill(gate, 'SIGSTOP');
  assert.equal((await over).status, 0);
  process.kill(gate, 'SIGKILL');
  await newGate(stand, gate);
  const { status: how, why } = await ended(stand, id);
  assert.deepEqual([how, why], ['unknown', 'it ended while there was no gate to see it']);
}

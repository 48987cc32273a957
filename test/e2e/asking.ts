import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stand } from './stand.ts';

/** A busy machine has asked by then. */
const LATE_MS = 60_000;

/** The question whose text this is, once there is one. */
export async function question(stand: Stand, shown: string, withinMs: number = LATE_MS): Promise<number> {
  const end = Date.now() + withinMs;
  for (;;) {
    const { json } = await stand.bulkhead(['approvals', '--json']);
    const found = json?.approvals?.find((one: { shown: string }) => one.shown === shown);
    if (found) return found.id;
    if (Date.now() > end) assert.fail(`nobody asked for ${shown}: ${JSON.stringify(json)}`);
    await sleep(100);
  }
}

export async function approve(stand: Stand, shown: string, ...scope: string[]): Promise<number> {
  const id = await question(stand, shown);
  const { status, stderr } = await stand.bulkhead(['approve', String(id), ...scope]);
  assert.equal(status, 0, stderr);
  return id;
}

/** The question about a program that the agent made, which is shown with its digest after the command. */
export async function ownQuestion(stand: Stand, command: string): Promise<number> {
  return (await asked(stand, ({ shown }) => shown.startsWith(`${command} (its own program /workspace/`))).id;
}

export interface Shown {
  readonly id: number;
  readonly agent: string;
  readonly shown: string;
}

/** The first question that waits of this kind, once there is one. */
export async function asked(stand: Stand, like: (one: Shown) => boolean): Promise<Shown> {
  for (const late = Date.now() + LATE_MS; ; await sleep(100)) {
    const { json, stderr } = await stand.bulkhead(['approvals', '--json']);
    const found = json?.approvals?.find(like);
    if (found) return found;
    assert.ok(Date.now() < late, `nobody asked for that: ${JSON.stringify(json)}${stderr}`);
  }
}

/** Pid of one of our programs. */
export async function pidOf(stand: Stand, program: string): Promise<number> {
  const { json } = await stand.bulkhead(['status', '--json']);
  const found = json?.programs?.find((one: { name: string }) => one.name === program);
  return found?.pid ?? assert.fail(`no ${program} runs`);
}

/** To a process that may have ended by itself meanwhile. @returns whether it had not */
export function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

/** Until another one of our programs serves instead of the one that had this pid. */
export async function another(stand: Stand, program: string, before: number): Promise<void> {
  for (const late = Date.now() + LATE_MS; ; await sleep(50)) {
    const { json } = await stand.bulkhead(['status', '--json']);
    const now = json?.programs?.find(({ name }: { name: string }) => name === program);
    if (now?.state === 'running' && now.pid !== before) return;
    assert.ok(Date.now() < late, `no other ${program} came: ${JSON.stringify(now)}`);
  }
}

/** Ends one of our programs at once, and waits until another serves in its place. */
export async function killed(stand: Stand, program: string): Promise<void> {
  const pid = await pidOf(stand, program);
  process.kill(pid, 'SIGKILL');
  await another(stand, program, pid);
}

/** Until the gate has what runs by this approval among those that it watches; its record is there a little before. */
export async function runsBy(stand: Stand, id: number): Promise<void> {
  const watched = (): boolean => readFileSync(`${stand.state}/gate/running`, 'utf8').includes(`"approval ${id}"`);
  for (const late = Date.now() + LATE_MS; !watched(); await sleep(50))
    assert.ok(Date.now() < late, 'it was approved and did not begin');
}

/** Pauses an agent and lets it go on. That it took less than a second must be possible: what the machine does otherwise is in the time as well. */
export async function pausedAtOnce(stand: Stand, agent: string): Promise<void> {
  const took: number[] = [];
  while (!took.some((ms) => ms < 1000)) {
    assert.ok(took.length < 5, `frozen in ${took.join(', ')} ms`);
    const { status, stdout, stderr } = await stand.bulkhead(['pause', agent]);
    assert.equal(status, 0, stderr);
    const [, ms] = /frozen in (\d+) ms/.exec(stdout) ?? assert.fail(stdout);
    took.push(Number(ms));
    assert.equal((await stand.bulkhead(['resume', agent])).status, 0);
  }
}

let marks = 0;

/** What the ledger has of execs, once all that this agent did before is in it: the gate hands its records over in order, ten times a second.
 *  @param agent  one that may run `sh` and `true` */
export async function execsSoFar(stand: Stand, agent = 'one'): ReturnType<typeof execs> {
  const mark = `mark-${++marks}`;
  const { status, stderr } = await stand.run(agent, ['sh', '-c', `/bin/true ${mark}`]);
  assert.equal(status, 0, stderr);
  for (const late = Date.now() + 30_000; ; await sleep(100)) {
    const all = await execs(stand, 1000);
    if (all.some(({ argv = [] }) => argv[1] === mark)) return all;
    assert.ok(Date.now() < late, 'the ledger was not told what ran');
  }
}

/** What the ledger has of an agent's execs. */
export async function execs(
  stand: Stand,
  last = 400,
): Promise<{ event: string; path: string; rule: string; argv?: string[] }[]> {
  const { json } = await stand.bulkhead(['ledger', 'tail', '-n', String(last), '--json']);
  return json.entries.filter(({ event }: { event: string }) => event.startsWith('exec.'));
}

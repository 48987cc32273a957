import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stand } from './stand.ts';

/** The question whose text this is, once there is one. */
export async function question(stand: Stand, shown: string, withinMs = 10_000): Promise<number> {
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
  for (let i = 0; i < 100; i++) {
    const { json } = await stand.bulkhead(['approvals', '--json']);
    const start = `${command} (its own program /workspace/`;
    const found = json?.approvals?.find(({ shown }: { shown: string }) => shown.startsWith(start));
    if (found) return found.id;
    await sleep(100);
  }
  assert.fail(`nobody asked for its own ${command}`);
}

/** Pid of one of our programs. */
export async function pidOf(stand: Stand, program: string): Promise<number> {
  const { json } = await stand.bulkhead(['status', '--json']);
  const found = json?.programs?.find((one: { name: string }) => one.name === program);
  return found?.pid ?? assert.fail(`no ${program} runs`);
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

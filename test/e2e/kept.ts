import assert from 'node:assert/strict';
import type { Stand } from './stand.ts';

/** Leaves a text where an agent stores things. */
export async function keep(stand: Stand, agent: string, text: string): Promise<void> {
  const kept = await stand.run(agent, ['sh', '-c', `echo ${text} | tee /workspace/kept > /home/agent/kept`]);
  assert.equal(kept.status, 0, kept.stderr);
}

/** What is there of it, or why there is nothing. */
export async function kept(stand: Stand, agent: string): Promise<string> {
  const { stdout, stderr } = await stand.run(agent, ['sh', '-c', 'cat /workspace/kept /home/agent/kept']);
  return stdout + stderr;
}

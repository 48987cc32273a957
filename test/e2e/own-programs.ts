import assert from 'node:assert/strict';
import { ownQuestion } from './asking.ts';
import type { Stand } from './stand.ts';

/** A program that the agent `maker` (exec.own: ask) made waits as well, and runs once approved, as it was shown. */
export async function ownPrograms(stand: Stand): Promise<void> {
  const make = 'cp /usr/bin/readlink tool; printf "#!/usr/bin/python3\\nprint(6*7)\\n" > s.py; chmod +x s.py';
  assert.equal((await stand.run('maker', ['sh', '-c', make])).status, 0);
  const denied = stand.start(['run', 'maker', '--', 'sh', '-c', './tool .']).ended;
  await stand.bulkhead(['deny', String(await ownQuestion(stand, './tool .'))]);
  assert.deepEqual([(await denied).status, (await denied).stdout], [126, '']);
  for (const [command, answer] of [
    ['./tool /proc/self/exe', '/workspace/tool\n'],
    ['./s.py', '42\n'],
  ] as const) {
    const waits = stand.start(['run', 'maker', '--', 'sh', '-c', command]).ended;
    assert.equal((await stand.bulkhead(['approve', String(await ownQuestion(stand, command))])).status, 0);
    const { status, stdout, stderr } = await waits;
    assert.deepEqual([status, stdout], [0, answer], stderr);
  }
}

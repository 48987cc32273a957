import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { release } from 'node:os';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openProcess } from '../../src/host/processes/pidfd.ts';
import { type HowEnded, howEnded } from '../../src/host/processes/process-end.ts';

const ROUNDS = 300;
/** Starts somebody who ends with 3 when told to, and waits for it at once, so many times. */
const HASTY = `$| = 1; for (1 .. ${ROUNDS}) { pipe R, W; my $p = fork; if (!$p) { close W; <R>; exit 3 } close R; print "$p\\n"; <STDIN>; close W; waitpid $p, 0 }`;

test('how a process ended is known, however quick its parent was to wait for it', {
  skip: keepsStatus() ? false : 'this kernel (before 6.15) keeps no status of a process that was waited for',
}, async () => {
  const parent = spawn('perl', ['-e', HASTY], { stdio: ['pipe', 'pipe', 'inherit'] });
  const found: (HowEnded | undefined)[] = [];
  for await (const line of createInterface({ input: parent.stdout })) {
    const pid = Number(line);
    const handle = openProcess(pid) ?? assert.fail(`no process ${line}`);
    assert.equal(howEnded(handle, pid), 'not yet');
    parent.stdin.write('\n');
    let how = howEnded(handle, pid);
    for (const late = Date.now() + 60_000; how === 'not yet'; how = howEnded(handle, pid)) assert.ok(Date.now() < late);
    closeSync(handle);
    found.push(how);
  }
  assert.deepEqual(found, Array(ROUNDS).fill({ status: 3 }));
});

function keepsStatus(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 15);
}

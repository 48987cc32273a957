import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startTime } from '../../src/host/processes/process-stat.ts';
import { firstOutput } from '../e2e/first-output.ts';

const COVER = fileURLToPath(new URL('../../src/host/gate/cover-own.pl', import.meta.url));
const skip = process.getuid?.() === 0 ? false : 'enters a mount namespace, which takes root';

test('what covers an agent’s file enters nothing when the pid is another process’s by now', { skip }, async () => {
  // A name that looks like the end of the name, and a line's end: both are its owner's choice.
  const name = 'prctl(15, "a) S 1\\nb)", 0, 0, 0)';
  const named = `ctypes.CDLL(None).${name.replace('"a', 'b"a')}`;
  const child = spawn('python3', ['-c', `import ctypes,time; ${named}; print(1, flush=True); time.sleep(600)`]);
  try {
    await firstOutput(child); // it has the name now
    const said = (since: string): string => {
      const argv = [COVER, String(child.pid), since, '-100', Buffer.from('/nowhere').toString('hex'), '1000'];
      return execFileSync('unshare', ['-m', 'perl', ...argv], { encoding: 'utf8', input: '' });
    };
    const since = startTime(child.pid ?? 0) ?? assert.fail('it has ended');
    assert.equal(said(String(Number(since) + 1)), 'no it is gone\n');
    assert.equal(said(since), 'no find: No such file or directory\n');
  } finally {
    child.kill('SIGKILL');
  }
});

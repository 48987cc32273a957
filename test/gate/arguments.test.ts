import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readStarted } from '../../src/programs/gate/arguments.ts';

/** Where a program's arguments and environment stand in its own memory: it says so itself. */
const SAYS =
  'import ctypes, sys, time; w = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ").value; print(w, flush=True); time.sleep(60)';

async function started(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ pid: number; environ: bigint; kill: () => void }> {
  const child = spawn('/usr/bin/python3', ['-c', SAYS, ...argv], {
    env: { LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const text = await new Promise<string>((resolve) =>
    child.stdout.once('data', (some: Buffer) => resolve(some.toString())),
  );
  return { pid: child.pid ?? 0, environ: BigInt(text.trim()), kill: () => child.kill('SIGKILL') };
}

test('arguments and environment of another process are read whole, few or many, short or long', async () => {
  for (const [count, length] of [
    [3, 10],
    [4000, 20],
    [15, 100_000],
  ] as const) {
    const words = Array.from({ length: count }, (_, n) => `${n}-`.padEnd(length, 'x'));
    const env = { PATH: '/usr/bin', LONG: 'y'.repeat(length), EMPTY: '' };
    const { pid, environ, kill } = await started(words, env);
    try {
      // The kernel puts a zero between the two lists of pointers.
      const all = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').length - 1;
      const read = readStarted(pid, environ - 8n * BigInt(all + 1), environ);
      if (typeof read === 'string') assert.fail(read);
      assert.deepEqual(read.argv.slice(3), words);
      assert.deepEqual(read.environment(), ['LC_ALL=C.UTF-8', 'PATH=/usr/bin', `LONG=${'y'.repeat(length)}`, 'EMPTY=']);
      assert.ok(read.bytes() >= count * length);
    } finally {
      kill();
    }
  }
});

test('what is not there, or more than may be, is refused and not judged by a part', async () => {
  const { pid, environ, kill } = await started([], { PATH: '/usr/bin' });
  try {
    assert.equal(readStarted(pid, 0n, environ), 'its arguments cannot be read');
    assert.equal(readStarted(pid, 1n << 60n, environ), 'its arguments cannot be read');
    const read = readStarted(pid, environ, 8n);
    if (typeof read === 'string') assert.fail(read);
    assert.equal(read.environment(), 'its environment cannot be read');
  } finally {
    kill();
  }
});

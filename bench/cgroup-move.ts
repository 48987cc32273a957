import { spawn } from 'node:child_process';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { observeCgroups } from '../src/host/cgroup/cgroup-roots.ts';
import { summarize } from './stats.ts';

const MOVES = 15;
const PAUSE: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4));

/** Median milliseconds that the kernel takes to move a process into a cgroup: a fact of the machine that every start and every
 *  `run` pays. It is milliseconds where the kernel waits for all processors first, and a tenth of one where somebody has mounted
 *  the hierarchy with `favordynmods` since the machine started (cgroup-v2.rst; it cannot be switched off again). */
export function moveMilliseconds(): number {
  const { unified } = observeCgroups();
  if (unified === undefined) return Number.NaN;
  const folder = join(unified, `bh-bench-${process.pid}`);
  mkdirSync(folder);
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    const took: number[] = [];
    for (let move = 0; move < MOVES; move++) {
      const begun = performance.now();
      writeFileSync(join(folder, 'cgroup.procs'), String(child.pid));
      took.push(performance.now() - begun);
      writeFileSync(join(unified, 'cgroup.procs'), String(child.pid));
      Atomics.wait(PAUSE, 0, 0, 50); // at once again it would be cheaper than it is
    }
    return summarize(took).median;
  } finally {
    writeFileSync(join(unified, 'cgroup.procs'), String(child.pid));
    child.kill('SIGKILL');
    rmdirSync(folder);
  }
}

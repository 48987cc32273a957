import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { flock } from '../../src/host/libc.ts';

/** Tests that change the machine take turns. The kernel gives the lock back however the process ends. */
const LOCK = '/tmp/bulkhead-machine.lock';
const [EXCLUSIVE, NOW] = [2, 4]; // flock(2)
let holders = 0;
let held: number | undefined;

/** Runs with the machine to ourselves; within one process, calls may nest. */
export async function withMachine<T>(use: () => Promise<T>): Promise<T> {
  holders++;
  try {
    if (held === undefined) {
      const fd = openSync(LOCK, 'a', 0o666);
      while (held === undefined && flock(fd, EXCLUSIVE | NOW) !== 0) await sleep(100);
      if (held === undefined) held = fd;
      else closeSync(fd);
    }
    return await use();
  } finally {
    if (--holders === 0 && held !== undefined) {
      closeSync(held);
      held = undefined;
    }
  }
}

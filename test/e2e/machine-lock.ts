import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { flock } from '../../src/host/libc.ts';

/** Tests that change the machine take turns, but for those that change nothing beyond a fleet of their own, measure no time and compare no
 *  picture of the whole machine: they go on beside each other. The kernel gives the lock back however the process ends. */
const LOCK = '/tmp/bulkhead-machine.lock';
const [SHARED, EXCLUSIVE, NOW] = [1, 2, 4]; // flock(2)
let holders = 0;
let held: number | undefined;

/** Runs with the machine to ourselves, or beside others who do not mind; within one process, calls may nest. */
export async function withMachine<T>(use: () => Promise<T>, beside: boolean = false): Promise<T> {
  holders++;
  try {
    if (held === undefined) {
      const fd = openSync(LOCK, 'a', 0o666);
      while (held === undefined && flock(fd, (beside ? SHARED : EXCLUSIVE) | NOW) !== 0) await sleep(100);
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

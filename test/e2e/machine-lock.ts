import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { flock } from '../../src/host/libc.ts';

/** Tests that change the machine have it to themselves, but for those that change nothing beyond a fleet of their own, measure no time and
 *  compare no picture of the whole machine: they go on beside each other.
 *  The kernel gives a lock back however the process ends. */
const LOCK = '/tmp/bulkhead-machine.lock';
/** Held only while waiting for the other: whoever is to be alone comes in turn, and not when by chance nobody else is there. */
const TURN = '/tmp/bulkhead-machine-turn.lock';
const [SHARED, EXCLUSIVE, NOW] = [1, 2, 4]; // flock(2)
let holders = 0;
let held: Promise<number> | undefined;

/** Runs with the machine to ourselves, or beside others who do not mind; within one process, calls may nest. */
export async function withMachine<T>(use: () => Promise<T>, alone: boolean = true): Promise<T> {
  holders++;
  try {
    held ??= taken(alone);
    await held;
    return await use();
  } finally {
    if (--holders === 0 && held !== undefined) {
      closeSync(await held);
      held = undefined;
    }
  }
}

async function taken(alone: boolean): Promise<number> {
  const turn = await locked(TURN, EXCLUSIVE);
  try {
    return await locked(LOCK, alone ? EXCLUSIVE : SHARED);
  } finally {
    closeSync(turn);
  }
}

async function locked(path: string, how: number): Promise<number> {
  const fd = openSync(path, 'a', 0o666);
  while (flock(fd, how | NOW) !== 0) await sleep(50);
  return fd;
}

// The gate's second real-time thread: brings the journal to the disk.
// Runs as   a thread of the gate.
// Trusts    nothing; it reads nothing.
// Never     does anything else: it must not be held up, or no exec goes on (20 ms, src/programs/gate/journal.ts).
import { fdatasyncSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { realTime } from '../../host/processes/real-time.ts';
import { SHARED } from './journal-shared.ts';

/** What is written in this time is synced together. */
const TOGETHER_MS = 10;

const { fds, shared } = workerData;
const words = new Int32Array(shared);
const never = new Int32Array(new SharedArrayBuffer(4));
let last = -1;
realTime();
for (;;) {
  Atomics.wait(words, SHARED.written, Atomics.load(words, SHARED.synced)); // until there is more than what is synced
  Atomics.wait(never, 0, 0, TOGETHER_MS);
  const written = Atomics.load(words, SHARED.written);
  const turn = Atomics.load(words, SHARED.turn); // after it: what is counted was written in this turn or before
  fdatasyncSync(fds[turn % 2]); // a disk that fails ends the program, and with it every exec
  if (turn !== last) fdatasyncSync(fds[(turn + 1) % 2]);
  last = turn;
  Atomics.store(words, SHARED.synced, written);
  Atomics.notify(words, SHARED.synced);
}

// The gate's second real-time thread: brings the journal to the disk.
// Runs as   a thread of the gate.
// Trusts    nothing; it reads nothing.
// Never     does anything else: it must not be held up, or no exec goes on (20 ms, src/programs/gate/journal.ts).
import { fdatasyncSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { realTime } from '../../host/real-time.ts';

/** What is written in this time is synced together. */
const TOGETHER_MS = 10;

const { journal, unsynced } = workerData;
const words = new Int32Array(unsynced);
const never = new Int32Array(new SharedArrayBuffer(4));
realTime();
for (;;) {
  Atomics.wait(words, 0, Atomics.load(words, 1)); // until there is more than what is synced
  Atomics.wait(never, 0, 0, TOGETHER_MS);
  const written = Atomics.load(words, 0);
  fdatasyncSync(journal); // a disk that fails ends the program, and with it every exec
  Atomics.store(words, 1, written);
  Atomics.notify(words, 1);
}

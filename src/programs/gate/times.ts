import { mapShared } from '../../host/gate/libc-gate.ts';

/** How long answers took, from the moment the kernel gave the question: counts in memory that whoever has the right to look into the gate can
 *  read (`/proc/PID/fd`, a memory file of this name). Place n counts those of less than 2^(n/4) microseconds. */
export const TIMES_FILE = 'bulkhead-times';
export const TIMES = 128;
export const TIMES_BYTES: number = 4 * TIMES;

export class Times {
  readonly #counts: Buffer;

  /** @param fd  a file of TIMES_BYTES */
  constructor(fd: number) {
    this.#counts = mapShared(fd, TIMES_BYTES);
  }

  /** @param ms  milliseconds */
  add(ms: number): void {
    const at = 4 * Math.min(TIMES - 1, Math.max(0, Math.ceil(4 * Math.log2(1000 * ms))));
    this.#counts.writeUInt32LE((this.#counts.readUInt32LE(at) + 1) >>> 0, at);
  }
}

/** Microseconds that so large a part of them stayed below. @param counts  as they stand in the file, or the difference of two */
export function timeOf(counts: readonly number[], part: number): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  const at = counts.findIndex((count) => {
    seen += count;
    return seen >= part * all;
  });
  return 2 ** (at / 4);
}

import { processVmReadv } from '../gate/libc-gate.ts';
import { address } from '../libc.ts';

/** process_vm_readv(2): struct iovec {void *base; size_t length}. A piece that is not there brings nothing, and ends the read, so pieces do not cross pages
 *  (their size is a multiple of 4096 everywhere). */
const PAGE = 4096;
const MOST_PIECES = 64;
const here: Buffer = Buffer.alloc(16);
const there: Buffer = Buffer.alloc(16 * MOST_PIECES);

/** Reads memory of another process. @returns how many bytes came: fewer than `most` where the rest is not there, 0 where nothing is */
export function readUpTo(pid: number, from: bigint, into: Buffer, most: number): number {
  let done = 0;
  while (done < most) {
    let length = 0;
    let pieces = 0;
    for (; pieces < MOST_PIECES && done + length < most; pieces++) {
      const at = from + BigInt(done + length);
      const step = Math.min(most - done - length, PAGE - Number(at & 4095n));
      there.writeBigUInt64LE(BigInt.asUintN(64, at), 16 * pieces);
      there.writeBigUInt64LE(BigInt(step), 16 * pieces + 8);
      length += step;
    }
    here.writeBigUInt64LE(address(into) + BigInt(done), 0);
    here.writeBigUInt64LE(BigInt(length), 8);
    const got = Math.max(0, Number(processVmReadv(pid, here, 1, there, pieces, 0)));
    done += got;
    if (got < length) break;
  }
  return done;
}

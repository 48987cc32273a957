import { address } from './libc.ts';
import { processVmReadv } from './libc-gate.ts';

/** process_vm_readv(2): struct iovec {void *base; size_t length}. */
const here: Buffer = Buffer.alloc(16);
const there: Buffer = Buffer.alloc(16);

/** Reads memory of another process. @returns how many bytes came, fewer where the rest is not there, 0 where nothing is */
export function readMemory(pid: number, from: bigint, into: Buffer, length: number): number {
  here.writeBigUInt64LE(address(into), 0);
  here.writeBigUInt64LE(BigInt(length), 8);
  there.writeBigUInt64LE(from, 0);
  there.writeBigUInt64LE(BigInt(length), 8);
  const got = Number(processVmReadv(pid, here, 1, there, 1, 0));
  return got > 0 ? got : 0;
}

const PAGE = 4096;

/** As much as there is: a read that crosses into nothing brings nothing of that page, so it is made page by page (their size is
 *  a multiple of 4096 everywhere). */
export function readUpTo(pid: number, from: bigint, into: Buffer, most: number): number {
  let done = 0;
  while (done < most) {
    const at = from + BigInt(done);
    const step = Math.min(most - done, PAGE - Number(at & 4095n));
    const got = readMemory(pid, at, into.subarray(done), step);
    done += got;
    if (got < step) break;
  }
  return done;
}

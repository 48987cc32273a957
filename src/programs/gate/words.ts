import { address } from '../../host/libc.ts';
import { processVmReadv } from '../../host/libc-gate.ts';
import { readUpTo } from '../../host/process-memory.ts';

/** What an exec that goes on by file says of itself, for the record alone: who shares that memory may change it while it is read. */
const LONGEST_PATH = 4096;
const MOST_WORDS = 32;
const LONGEST_WORD = 256;

const path: Buffer = Buffer.alloc(LONGEST_PATH);
const pointers: Buffer = Buffer.alloc(8 * MOST_WORDS);
const words: Buffer = Buffer.alloc(LONGEST_WORD * MOST_WORDS);
const local: Buffer = Buffer.alloc(16);
const remote: Buffer = Buffer.alloc(16 * MOST_WORDS);

export function pathAt(pid: number, at: bigint): string {
  return text(path, 0, readUpTo(pid, at, path, LONGEST_PATH));
}

/** The first 32 words, 256 bytes of each; two system calls. */
export function wordsAt(pid: number, at: bigint): string[] {
  const got = readUpTo(pid, at, pointers, pointers.length) >> 3;
  const lengths: number[] = [];
  let bytes = 0;
  for (let i = 0; i < got; i++) {
    const pointer = pointers.readBigUInt64LE(8 * i);
    if (pointer === 0n) break;
    const length = Math.min(LONGEST_WORD, 4096 - Number(pointer & 4095n)); // no further than its page
    remote.writeBigUInt64LE(pointer, 16 * i);
    remote.writeBigUInt64LE(BigInt(length), 16 * i + 8);
    lengths.push(length);
    bytes += length;
  }
  if (lengths.length === 0) return [];
  local.writeBigUInt64LE(address(words), 0);
  local.writeBigUInt64LE(BigInt(bytes), 8);
  let left = Math.max(0, Number(processVmReadv(pid, local, 1, remote, lengths.length, 0)));
  let from = 0;
  const found: string[] = [];
  for (const length of lengths) {
    if (left < length) break;
    found.push(text(words, from, length));
    from += length;
    left -= length;
  }
  return found;
}

function text(bytes: Buffer, from: number, length: number): string {
  const end = bytes.subarray(from, from + length).indexOf(0);
  return bytes.toString('latin1', from, from + (end < 0 ? length : end));
}

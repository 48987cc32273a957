import { errno, pipe2, socketpair } from './libc.ts';

const O_CLOEXEC = 0o2000000;
const AF_UNIX = 1;
const SOCK_CLOEXEC = 0o2000000;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;

/** pipe(2), both ends close-on-exec. The caller owns the descriptors. */
export function pipe(): { read: number; write: number } {
  const pair = Buffer.alloc(8);
  if (pipe2(pair, O_CLOEXEC) !== 0) throw new Error(`pipe2 failed with errno ${errno()}`);
  return { read: pair.readInt32LE(0), write: pair.readInt32LE(4) };
}

/** socketpair(2) of Unix sockets, both ends close-on-exec. The caller owns the descriptors. */
export function socketPair(type: number): { ours: number; theirs: number } {
  const pair = Buffer.alloc(8);
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) !== 0)
    throw new Error(`socketpair failed with errno ${errno()}`);
  return { ours: pair.readInt32LE(0), theirs: pair.readInt32LE(4) };
}

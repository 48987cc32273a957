import { address, errno, recvmsg, sendmsg } from '../host/libc.ts';

/** Descriptors from one program to another: one byte with SCM_RIGHTS (unix(7), cmsg(3)). The layout is that of 64-bit Linux:
 *  struct msghdr is 56 bytes, struct cmsghdr 16, descriptors are 32-bit. Both ends block only for as long as one message takes:
 *  the receiver calls `receiveDescriptors` after it has been told over the ordinary connection that they are on their way. */
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
export const MOST_DESCRIPTORS = 16;

function message(control: Buffer): { header: Buffer; byte: Buffer; vector: Buffer } {
  const byte = Buffer.from('x');
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(address(byte), 0);
  vector.writeBigUInt64LE(1n, 8);
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(address(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(address(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  return { header, byte, vector };
}

export function sendDescriptors(over: number, descriptors: readonly number[]): void {
  const control = Buffer.alloc(16 + Math.ceil((4 * descriptors.length) / 8) * 8);
  control.writeBigUInt64LE(BigInt(16 + 4 * descriptors.length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  descriptors.forEach((fd, i) => {
    control.writeInt32LE(fd, 16 + 4 * i);
  });
  const parts = message(control);
  if (sendmsg(over, parts.header, 0) !== 1) throw new Error(`sendmsg failed with errno ${errno()}`);
}

/** @returns the descriptors, close-on-exec, in the order they were sent; the caller owns them */
export function receiveDescriptors(over: number): number[] {
  const control = Buffer.alloc(16 + 4 * MOST_DESCRIPTORS);
  const parts = message(control);
  const got = recvmsg(over, parts.header, MSG_CMSG_CLOEXEC);
  if (got !== 1) throw new Error(`recvmsg gave ${got}, errno ${errno()}`);
  const length = Number(parts.header.readBigUInt64LE(40));
  if (length < 16 || control.readInt32LE(12) !== SCM_RIGHTS) return [];
  const count = (Number(control.readBigUInt64LE(0)) - 16) / 4;
  return Array.from({ length: count }, (_, i) => control.readInt32LE(16 + 4 * i));
}

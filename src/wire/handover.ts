import { address, errno, recvmsg, sendmsg } from '../host/libc.ts';

/** Descriptors from one program to another: one byte with SCM_RIGHTS (unix(7), cmsg(3)). The layout is that of 64-bit Linux:
 *  struct msghdr is 56 bytes, struct cmsghdr 16, descriptors are 32-bit. Both ends block only for as long as one message takes:
 *  the receiver calls `receiveDescriptors` after it has been told over the ordinary connection that they are on their way. */
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MOST_DESCRIPTORS = 16;

function message(control: Buffer, byte: Buffer = Buffer.from('x')): { header: Buffer; byte: Buffer; vector: Buffer } {
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(address(byte), 0);
  vector.writeBigUInt64LE(BigInt(byte.length), 8);
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
  const { got, descriptors } = received(over, Buffer.alloc(1));
  if (got !== 1) throw new Error(`recvmsg gave ${got}, errno ${errno()}`);
  return descriptors;
}

/** One datagram: what it says, and the descriptors that came with it, close-on-exec; the caller owns them.
 *  @throws Error where there is none */
export function receiveWord(over: number): { word: string; descriptors: number[] } {
  const room = Buffer.alloc(256);
  const { got, descriptors } = received(over, room);
  if (got < 0) throw new Error(`recvmsg failed with errno ${errno()}`);
  return { word: room.toString('latin1', 0, got), descriptors };
}

function received(over: number, room: Buffer): { got: number; descriptors: number[] } {
  const control = Buffer.alloc(16 + 4 * MOST_DESCRIPTORS);
  const parts = message(control, room);
  const got = Number(recvmsg(over, parts.header, MSG_CMSG_CLOEXEC));
  const length = Number(parts.header.readBigUInt64LE(40));
  if (got < 0 || length < 16 || control.readInt32LE(12) !== SCM_RIGHTS) return { got, descriptors: [] };
  const count = (Number(control.readBigUInt64LE(0)) - 16) / 4;
  return { got, descriptors: Array.from({ length: count }, (_, i) => control.readInt32LE(16 + 4 * i)) };
}

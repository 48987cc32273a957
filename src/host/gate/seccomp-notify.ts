import { errno, ioctl } from '../libc.ts';
import { ioctlNumber } from './libc-gate.ts';

/** seccomp_unotify(2), linux/seccomp.h: struct seccomp_notif {u64 id; u32 pid; u32 flags; struct seccomp_data {int nr; u32 arch;
 *  u64 instruction_pointer; u64 args[6]}}, 80 bytes; struct seccomp_notif_resp {u64 id; s64 val; s32 error; u32 flags}, 24;
 *  struct seccomp_notif_addfd {u64 id; u32 flags, srcfd, newfd, newfd_flags}, 24. */
export const NOTIFICATION = 80;
const RECV = 0xc050_2100;
const SEND = 0xc018_2101;
const ID_VALID = 0x4008_2102;
const ADDFD = 0x4018_2103;
const SET_FLAGS = 0x4008_2104;
const FLAG_CONTINUE = 1;
const ADDFD_SETFD = 1;
const O_CLOEXEC = 0o2000000;

/** Its number on x86-64 and in asm-generic/unistd.h. */
export const EXECVEAT: number = process.arch === 'arm64' ? 281 : 322;

const answer: Buffer = Buffer.alloc(24);
const added: Buffer = Buffer.alloc(24);
const asked: Buffer = Buffer.alloc(8);

/** Wakes us on the processor of whoever asks, who is about to sleep, instead of on another one (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, since Linux
 *  6.6; where it is not known nothing changes). */
export function wakeHere(listener: number): void {
  ioctlNumber(listener, SET_FLAGS, 1);
}

/** Takes the next one. @param into  80 bytes, all zero
 *  @returns false when there is none any more: whoever asked was killed */
export function receive(listener: number, into: Buffer): boolean {
  return ioctl(listener, RECV, into) === 0;
}

export const idOf = (notification: Buffer): bigint => notification.readBigUInt64LE(0);
/** In our own process namespace. */
export const pidOf = (notification: Buffer): number => notification.readUInt32LE(8);
export const callOf = (notification: Buffer): number => notification.readInt32LE(16);
export const argumentOf = (notification: Buffer, i: number): bigint => notification.readBigUInt64LE(32 + 8 * i);

/** Whether whoever asked still waits: then its pid is still its own. */
export function stillWaits(listener: number, id: bigint): boolean {
  asked.writeBigUInt64LE(id, 0);
  return ioctl(listener, ID_VALID, asked) === 0;
}

/** Lets the call go on as it was made. @returns false when whoever asked is gone */
export function letGo(listener: number, id: bigint): boolean {
  return send(listener, id, 0, FLAG_CONTINUE);
}

/** The call fails with this errno (positive). */
export function refuse(listener: number, id: bigint, error: number): boolean {
  return send(listener, id, -error, 0);
}

function send(listener: number, id: bigint, error: number, flags: number): boolean {
  answer.writeBigUInt64LE(id, 0);
  answer.writeBigInt64LE(0n, 8);
  answer.writeInt32LE(error, 16);
  answer.writeUInt32LE(flags, 20);
  return ioctl(listener, SEND, answer) === 0;
}

/** Puts an open file of ours on a descriptor of the process that asked, in place of what may be there.
 *  @param keep  whether it stays open over an exec
 *  @returns 0, or an errno: EBADF where its limit on open files is not higher, ENOENT when it is gone */
export function put(listener: number, id: bigint, file: number, at: number, keep: boolean): number {
  added.writeBigUInt64LE(id, 0);
  added.writeUInt32LE(ADDFD_SETFD, 8);
  added.writeUInt32LE(file, 12);
  added.writeUInt32LE(at, 16);
  added.writeUInt32LE(keep ? 0 : O_CLOEXEC, 20);
  return ioctl(listener, ADDFD, added) >= 0 ? 0 : errno();
}

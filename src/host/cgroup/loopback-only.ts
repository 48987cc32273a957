import { closeSync, openSync } from 'node:fs';
import { address, bpf, errno } from '../libc.ts';

/** Two programs of six instructions on an agent's cgroup (bpf(2), BPF_PROG_TYPE_CGROUP_SKB): what its sockets send or receive over
 *  any interface but loopback is dropped. They stand beside packet filter and routing, and neither a flush of these nor a socket
 *  bound to an interface gets past them. They go with the cgroup. */

/** linux/bpf.h */
const PROG_LOAD = 5;
const PROG_ATTACH = 8;
const PROG_DETACH = 9;
const PROG_GET_FD_BY_ID = 13;
const OBJ_GET_INFO_BY_FD = 15;
const PROG_QUERY = 16;
const CGROUP_SKB = 8;
const ALLOW_MULTI = 2;
const INGRESS = 0;
const EGRESS = 1;
const WAYS = [INGRESS, EGRESS];
/** Larger than every union member used here; the kernel wants what it does not know to be zero. */
const ATTR = 128;

const EAGAIN = 11;
const ATTEMPTS = 20;

/** offsetof(struct __sk_buff, ifindex), linux/bpf.h; loopback is 1 in every namespace (LOOPBACK_IFINDEX, linux/net). */
const IFINDEX = 40;
const LOOPBACK = 1;
const PROGRAM = Buffer.concat([
  instruction(0x61, 0x10, IFINDEX, 0), // r0 = r1->ifindex
  instruction(0x15, 0x00, 2, LOOPBACK), // if r0 == LOOPBACK goto +2
  instruction(0xb7, 0x00, 0, 0), // r0 = 0: drop
  instruction(0x95, 0x00, 0, 0), // exit
  instruction(0xb7, 0x00, 0, 1), // r0 = 1: pass
  instruction(0x95, 0x00, 0, 0),
]);
const LICENSE = Buffer.from('GPL\0');

/** @param folder  of the cgroup in the unified hierarchy
 *  @throws if the kernel refuses: then the agent must not start */
export function keepToLoopback(folder: string): void {
  withCgroup(folder, (cgroup) => {
    for (const way of WAYS)
      withProgram(way, (program) => {
        if (attached(cgroup, way).length === 0) call(PROG_ATTACH, target(cgroup, program, way, ALLOW_MULTI));
      });
  });
}

/** Whether both are on it, unchanged. */
export function keptToLoopback(folder: string): boolean {
  return withCgroup(folder, (cgroup) => WAYS.every((way) => attached(cgroup, way).length > 0));
}

export function releaseFromLoopback(folder: string): void {
  withCgroup(folder, (cgroup) => {
    for (const way of WAYS)
      for (const id of attached(cgroup, way))
        withDescriptor(programById(id), (program) => call(PROG_DETACH, target(cgroup, program, way, 0)));
  });
}

/** Ids of programs on a cgroup that are ours, recognised by the kernel's digest over the instructions. */
function attached(cgroup: number, way: number): number[] {
  const most = 64;
  const ids = Buffer.alloc(4 * most);
  const attr = Buffer.alloc(ATTR);
  attr.writeUInt32LE(cgroup, 0);
  attr.writeUInt32LE(way, 4);
  attr.writeBigUInt64LE(address(ids), 16);
  attr.writeUInt32LE(most, 24);
  call(PROG_QUERY, attr);
  const found = Array.from({ length: attr.readUInt32LE(24) }, (_, at) => ids.readUInt32LE(4 * at));
  if (found.length === 0) return [];
  const ours = withProgram(way, tag);
  return found.filter((id) => withDescriptor(programById(id), tag) === ours);
}

/** struct bpf_prog_info: type, id, tag[8], ... */
function tag(program: number): string {
  const info = Buffer.alloc(256);
  const attr = Buffer.alloc(ATTR);
  attr.writeUInt32LE(program, 0);
  attr.writeUInt32LE(info.length, 4);
  attr.writeBigUInt64LE(address(info), 8);
  call(OBJ_GET_INFO_BY_FD, attr);
  return info.toString('hex', 8, 16);
}

function programById(id: number): number {
  const attr = Buffer.alloc(ATTR);
  attr.writeUInt32LE(id, 0);
  return call(PROG_GET_FD_BY_ID, attr);
}

function withProgram<T>(way: number, use: (program: number) => T): T {
  const attr = Buffer.alloc(ATTR);
  attr.writeUInt32LE(CGROUP_SKB, 0);
  attr.writeUInt32LE(PROGRAM.length / 8, 4);
  attr.writeBigUInt64LE(address(PROGRAM), 8);
  attr.writeBigUInt64LE(address(LICENSE), 16);
  attr.write('bulkhead_lo', 48, 'latin1'); // prog_name, 16 bytes
  attr.writeUInt32LE(way, 68); // expected_attach_type
  return withDescriptor(call(PROG_LOAD, attr), use);
}

function target(cgroup: number, program: number, way: number, flags: number): Buffer {
  const attr = Buffer.alloc(ATTR);
  for (const [at, value] of [cgroup, program, way, flags].entries()) attr.writeUInt32LE(value, 4 * at);
  return attr;
}

function withCgroup<T>(folder: string, use: (cgroup: number) => T): T {
  return withDescriptor(openSync(folder, 'r'), use);
}

function withDescriptor<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function call(command: number, attr: Buffer): number {
  let result = bpf(command, attr, attr.length);
  // The verifier gives up when a signal waits (a child that ended, a timer), and says to try again (bpf(2), EAGAIN).
  for (let n = 0; result < 0 && errno() === EAGAIN && n < ATTEMPTS; n++) result = bpf(command, attr, attr.length);
  if (result < 0) throw new Error(`bpf(2) ${command} failed with errno ${errno()}`);
  return result;
}

/** struct bpf_insn; little-endian as both our machines are. @param registers  source << 4 | destination */
function instruction(code: number, registers: number, offset: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code, 0);
  bytes.writeUInt8(registers, 1);
  bytes.writeInt16LE(offset, 2);
  bytes.writeInt32LE(value, 4);
  return bytes;
}

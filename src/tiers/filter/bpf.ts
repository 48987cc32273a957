/** Classic BPF as seccomp(2) takes it: struct sock_filter {u16 code; u8 jt; u8 jf; u32 k}, 8 bytes, little-endian
 *  (linux/filter.h, linux/bpf_common.h). A program is a tree of blocks here, so that no offset is counted by hand. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export type Code = readonly Instruction[];

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP = 0x05; // BPF_JMP | BPF_JA
export const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
export const JUMP_NOT_BELOW = 0x35; // BPF_JMP | BPF_JGE | BPF_K
export const JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

/** jt and jf are one byte each. */
const FARTHEST_BRANCH = 255;
/** BPF_MAXINSNS */
const LONGEST_PROGRAM = 4096;

export function load(offset: number): Code {
  return [{ code: LOAD, jt: 0, jf: 0, k: offset }];
}

export function and(mask: number): Code {
  return [{ code: AND, jt: 0, jf: 0, k: mask }];
}

export function give(verdict: number): Code {
  return [{ code: RETURN, jt: 0, jf: 0, k: verdict }];
}

/** `jump k` decides: true runs `yes`, false runs `no`. Both must end in a return of their own; `no` stands last, and a `yes`
 *  too long for a one-byte offset is jumped over with BPF_JA, whose offset has 32 bits. */
export function branch(jump: number, k: number, yes: Code, no: Code): Code {
  if (yes.length <= FARTHEST_BRANCH) return [{ code: jump, jt: 0, jf: yes.length, k }, ...yes, ...no];
  const over = { code: JUMP, jt: 0, jf: 0, k: yes.length };
  return [{ code: jump, jt: 1, jf: 0, k }, over, ...yes, ...no];
}

/** @returns the bytes of the program
 *  @throws RangeError if the kernel would not take a program of this length */
export function assemble(code: Code): Buffer {
  if (code.length === 0 || code.length > LONGEST_PROGRAM) throw new RangeError(`${code.length} BPF instructions`);
  const bytes = Buffer.alloc(code.length * 8);
  code.forEach(({ code, jt, jf, k }, index) => {
    const at = index * 8;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(jt, at + 2);
    bytes.writeUInt8(jf, at + 3);
    bytes.writeUInt32LE(k >>> 0, at + 4);
  });
  return bytes;
}

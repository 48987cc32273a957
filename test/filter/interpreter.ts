/** A reader of filters that shares no code with the assembler: it knows BPF from bpf_check_classic and seccomp_check_filter
 *  (net/core/filter.c, kernel/seccomp.c) and refuses what the kernel would refuse. */
export interface Data {
  readonly nr: number;
  readonly arch: number;
  readonly args: readonly bigint[];
}

export const X86_64 = 0xc000003e;
export const AARCH64 = 0xc00000b7;
export const I386 = 0x40000003;
export const ARM = 0x40000028;

export function seccompData({ nr, arch, args }: Data): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(nr >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (let i = 0; i < 6; i++) data.writeBigUInt64LE(BigInt.asUintN(64, args[i] ?? 0n), 16 + 8 * i);
  return data;
}

/** @returns the problems the kernel would have with it */
export function problems(program: Buffer): string[] {
  const found: string[] = [];
  const length = program.length / 8;
  if (!Number.isInteger(length) || length < 1 || length > 4096) found.push(`length ${program.length}`);
  for (let pc = 0; pc < length; pc++) {
    const [code, jt, jf, k] = at(program, pc);
    if (![0x20, 0x54, 0x05, 0x15, 0x35, 0x45, 0x06].includes(code)) found.push(`${pc}: code ${code}`);
    if (code === 0x20 && (k % 4 !== 0 || k >= 64)) found.push(`${pc}: load at ${k}`);
    if (code === 0x05 && pc + 1 + k >= length) found.push(`${pc}: jump out`);
    if ([0x15, 0x35, 0x45].includes(code) && pc + 1 + Math.max(jt, jf) >= length) found.push(`${pc}: branch out`);
  }
  if (at(program, length - 1)[0] !== 0x06) found.push('does not end with a return');
  return found;
}

/** @returns SECCOMP_RET_* with its data, and the number of instructions it took */
export function run(program: Buffer, data: Buffer): { readonly verdict: number; readonly steps: number } {
  let accumulator = 0;
  let pc = 0;
  for (let steps = 1; ; steps++) {
    const [code, jt, jf, k] = at(program, pc);
    pc++;
    if (code === 0x06) return { verdict: k, steps };
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) pc += k;
    else if (code === 0x15) pc += accumulator === k ? jt : jf;
    else if (code === 0x35) pc += accumulator >= k ? jt : jf;
    else if (code === 0x45) pc += (accumulator & k) !== 0 ? jt : jf;
    else throw new Error(`unknown BPF code ${code} at ${pc - 1}`);
  }
}

function at(program: Buffer, pc: number): [number, number, number, number] {
  const o = pc * 8;
  return [program.readUInt16LE(o), program.readUInt8(o + 2), program.readUInt8(o + 3), program.readUInt32LE(o + 4)];
}

export function named(verdict: number): string {
  if (verdict === 0x7fff0000) return 'allow';
  if (verdict === 0x80000000) return 'kill';
  if (Math.floor(verdict / 0x10000) === 5) return `errno ${verdict & 0xffff}`;
  return `verdict ${verdict}`;
}

import type { Architecture } from '../filter/filter.ts';
import { AARCH64_LINES } from './aarch64.ts';
import { assembleStub, type Instruction } from './instruction.ts';
import { AARCH64_PUMP } from './pump-aarch64.ts';
import { X86_64_PUMP } from './pump-x86-64.ts';
import { X86_64_LINES } from './x86-64.ts';

/** What stands in a compartment in place of every program that is not simply allowed: it asks the exec gate, by trying to execute
 *  a descriptor that is not there, with exactly the arguments and environment it was started with. The gate puts the program there
 *  and lets the call go on, or a line that says why not. It has memory of its own that nobody else can write, so what the gate
 *  reads is what is run (docs/design/009-exec-gate.md). Installed with mode 0111: who cannot read it cannot look into it. */
const LINES: Readonly<Record<Architecture, readonly Instruction[]>> = {
  x86_64: [...X86_64_LINES, ...X86_64_PUMP],
  aarch64: [...AARCH64_LINES, ...AARCH64_PUMP],
};

/** elf(5): e_machine. */
const MACHINE: Readonly<Record<Architecture, number>> = { x86_64: 62, aarch64: 183 };
const BASE = 0x40_0000n;
const HEADER = 64;
const SEGMENT = 56;
const CODE_AT = HEADER + 2 * SEGMENT;

/** The bytes of the executable file. @param first  what comes before: for tests of a part */
export function stubFile(arch: Architecture, first: readonly Instruction[] = []): Buffer {
  const code = assembleStub([...first, ...LINES[arch]]);
  return Buffer.concat([elfHeader(arch), loadSegment(CODE_AT + code.length), stackSegment(), code]);
}

/** elf(5), Elf64_Ehdr: 64 bits, little-endian, ET_EXEC, two segments, no sections. */
function elfHeader(arch: Architecture): Buffer {
  const header = Buffer.alloc(HEADER);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // e_type: ET_EXEC
  header.writeUInt16LE(MACHINE[arch], 18);
  header.writeUInt32LE(1, 20); // e_version
  header.writeBigUInt64LE(BASE + BigInt(CODE_AT), 24); // e_entry
  header.writeBigUInt64LE(BigInt(HEADER), 32); // e_phoff
  header.writeUInt16LE(HEADER, 52); // e_ehsize
  header.writeUInt16LE(SEGMENT, 54); // e_phentsize
  header.writeUInt16LE(2, 56); // e_phnum
  header.writeUInt16LE(64, 58); // e_shentsize
  return header;
}

/** elf(5), Elf64_Phdr: PT_LOAD of the whole file, readable and executable. */
function loadSegment(bytes: number): Buffer {
  const segment = Buffer.alloc(SEGMENT);
  segment.writeUInt32LE(1, 0); // p_type: PT_LOAD
  segment.writeUInt32LE(5, 4); // p_flags: PF_R | PF_X
  segment.writeBigUInt64LE(BASE, 16); // p_vaddr
  segment.writeBigUInt64LE(BASE, 24); // p_paddr
  segment.writeBigUInt64LE(BigInt(bytes), 32); // p_filesz
  segment.writeBigUInt64LE(BigInt(bytes), 40); // p_memsz
  segment.writeBigUInt64LE(0x1_0000n, 48); // p_align: the largest page of either architecture
  return segment;
}

/** PT_GNU_STACK, readable and writable: no code on the stack. */
function stackSegment(): Buffer {
  const segment = Buffer.alloc(SEGMENT);
  segment.writeUInt32LE(0x6474_e551, 0);
  segment.writeUInt32LE(6, 4); // PF_R | PF_W
  segment.writeBigUInt64LE(16n, 48);
  return segment;
}

/** One line for each instruction, as a person reads it: where it stands, its bytes, what an assembler calls it, what it is for. */
export function describeStub(arch: Architecture): string {
  const file = stubFile(arch);
  let at = CODE_AT;
  const lines = LINES[arch].map(({ label, text, why, bytes }) => {
    const length = bytes.length / 2;
    const shown = file.subarray(at, at + length).toString('hex');
    const line = `${at.toString(16).padStart(4)} ${shown.padEnd(15)} ${`${label ?? ''}`.padEnd(7)} ${text.padEnd(30)}${why ? `; ${why}` : ''}`;
    at += length;
    return line.trimEnd();
  });
  const head = `# ${arch}: ${file.length} bytes; headers ${file.subarray(0, CODE_AT).toString('hex')}`;
  return `${[head, ...lines, JSON.stringify(file.subarray(at).toString('latin1'))].join('\n')}\n`;
}

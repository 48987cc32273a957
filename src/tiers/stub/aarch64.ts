import type { Fill, Instruction } from './instruction.ts';

/** The stub for aarch64 (Arm's names; encodings of the Arm Architecture Reference Manual, C6). System call numbers:
 *  include/uapi/asm-generic/unistd.h; arguments in x0 to x4, the number in x8, the result in x0, minus an errno if it failed
 *  (syscall(2)). At the start sp points to argc, then come argv, a zero, the environment, a zero. */
export const AARCH64_LINES: readonly Instruction[] = [
  line('f30340f9', 'ldr x19, [sp]', 'argc'),
  line('f4230091', 'add x20, sp, #8', 'argv'),
  line('950e138b', 'add x21, x20, x19, lsl #3'),
  line('b5220091', 'add x21, x21, #8', 'the environment'),
  line('561f8052', 'mov w22, #250', 'the descriptor that is tried'),
  at('find', line('e003162a', 'mov w0, w22')),
  line('21008052', 'mov w1, #1', 'F_GETFD'),
  line('28038052', 'mov w8, #25', 'fcntl'),
  line('010000d4', 'svc #0'),
  line('0000f837', 'tbnz w0, #31, ask', 'EBADF: it is free', { form: 'imm14', to: 'ask' }),
  line('d6060051', 'sub w22, w22, #1'),
  line('df0a0071', 'cmp w22, #2'),
  line('0c000054', 'b.gt find', undefined, { form: 'imm19', to: 'find' }),
  line('00000014', 'b unable', 'all are taken', { form: 'imm26', to: 'unable' }),
  at('ask', line('e003162a', 'mov w0, w22', 'where the gate puts the program')),
  line('01000010', 'adr x1, empty', undefined, { form: 'adr', to: 'empty' }),
  line('e20314aa', 'mov x2, x20', 'argv as it came'),
  line('e30315aa', 'mov x3, x21', 'the environment as it came'),
  line('04008252', 'mov w4, #4096', 'AT_EMPTY_PATH'),
  line('28238052', 'mov w8, #281', 'execveat'),
  line('010000d4', 'svc #0', 'returns only when nothing was started'),
  line('1f540131', 'cmn w0, #85', 'ERESTART'),
  line('00000054', 'b.eq ask', undefined, { form: 'imm19', to: 'ask' }),
  line('1f040231', 'cmn w0, #129', 'EKEYREJECTED'),
  line('00000054', 'b.eq line', undefined, { form: 'imm19', to: 'line' }),
  line('1f980031', 'cmn w0, #38', 'ENOSYS'),
  line('00000054', 'b.eq away', undefined, { form: 'imm19', to: 'away' }),
  at('unable', line('01000010', 'adr x1, broken', undefined, { form: 'adr', to: 'broken' })),
  line('02008052', 'mov w2, length of broken', undefined, { form: 'length16', to: 'broken' }),
  line('00000014', 'b say', undefined, { form: 'imm26', to: 'say' }),
  at('away', line('01000010', 'adr x1, gone', undefined, { form: 'adr', to: 'gone' })),
  line('02008052', 'mov w2, length of gone', undefined, { form: 'length16', to: 'gone' }),
  at('say', line('40008052', 'mov w0, #2', 'standard error')),
  line('08088052', 'mov w8, #64', 'write'),
  line('010000d4', 'svc #0'),
  at('end', line('c00f8052', 'mov w0, #126')),
  line('c80b8052', 'mov w8, #94', 'exit_group'),
  line('010000d4', 'svc #0'),
  at('line', line('ff0308d1', 'sub sp, sp, #512', 'room for a piece of the line')),
  at('more', line('e003162a', 'mov w0, w22')),
  line('e1030091', 'mov x1, sp'),
  line('02408052', 'mov w2, #512'),
  line('e8078052', 'mov w8, #63', 'read'),
  line('010000d4', 'svc #0'),
  line('1f000071', 'cmp w0, #0'),
  line('0d000054', 'b.le end', undefined, { form: 'imm19', to: 'end' }),
  line('e203002a', 'mov w2, w0'),
  line('e1030091', 'mov x1, sp'),
  line('40008052', 'mov w0, #2', 'standard error'),
  line('08088052', 'mov w8, #64', 'write'),
  line('010000d4', 'svc #0'),
  line('00000014', 'b more', undefined, { form: 'imm26', to: 'more' }),
];

function line(bytes: string, text: string, why?: string, fill?: Fill): Instruction {
  return { bytes, text, ...(why === undefined ? {} : { why }), ...(fill && { fill }) };
}

function at(label: string, instruction: Instruction): Instruction {
  return { ...instruction, label };
}

import type { Fill, Instruction } from './instruction.ts';

/** The stub for x86-64 (Intel's names). System call numbers: arch/x86/entry/syscalls/syscall_64.tbl; arguments in rdi, rsi, rdx, r10,
 *  r8, the number in rax, which holds the result after it, or minus an errno (syscall(2)). At the start rsp points to argc, then
 *  come argv, a zero, the environment, a zero (System V ABI, "Initial Stack"). */
export const X86_64_LINES: readonly Instruction[] = [
  line('488b1c24', 'mov rbx, [rsp]', 'argc'),
  line('4c8d642408', 'lea r12, [rsp + 8]', 'argv'),
  line('4d8d6cdc08', 'lea r13, [r12 + rbx * 8 + 8]', 'the environment'),
  line('41befa000000', 'mov r14d, 250', 'the descriptor that is tried'),
  at('find', line('4489f7', 'mov edi, r14d')),
  line('be01000000', 'mov esi, 1', 'F_GETFD'),
  line('b848000000', 'mov eax, 72', 'fcntl'),
  line('0f05', 'syscall'),
  line('85c0', 'test eax, eax'),
  line('7800', 'js ask', 'EBADF: it is free', { form: 'rel8', to: 'ask' }),
  line('41ffce', 'dec r14d'),
  line('4183fe02', 'cmp r14d, 2'),
  line('7f00', 'jg find', undefined, { form: 'rel8', to: 'find' }),
  line('eb00', 'jmp unable', 'all are taken', { form: 'rel8', to: 'unable' }),
  at('ask', line('4489f7', 'mov edi, r14d', 'where the gate puts the program')),
  line('488d3500000000', 'lea rsi, [rip + empty]', undefined, { form: 'rel32', to: 'empty' }),
  line('4c89e2', 'mov rdx, r12', 'argv as it came'),
  line('4d89ea', 'mov r10, r13', 'the environment as it came'),
  line('41b800100000', 'mov r8d, 0x1000', 'AT_EMPTY_PATH'),
  line('b842010000', 'mov eax, 322', 'execveat'),
  line('0f05', 'syscall', 'returns only when nothing was started'),
  line('83f8ab', 'cmp eax, -85', 'ERESTART'),
  line('7400', 'je ask', undefined, { form: 'rel8', to: 'ask' }),
  line('3d7fffffff', 'cmp eax, -129', 'EKEYREJECTED'),
  line('7400', 'je line', undefined, { form: 'rel8', to: 'line' }),
  line('83f8da', 'cmp eax, -38', 'ENOSYS'),
  line('7400', 'je away', undefined, { form: 'rel8', to: 'away' }),
  at('unable', line('488d3500000000', 'lea rsi, [rip + broken]', undefined, { form: 'rel32', to: 'broken' })),
  line('ba00000000', 'mov edx, length of broken', undefined, { form: 'length32', to: 'broken' }),
  line('eb00', 'jmp say', undefined, { form: 'rel8', to: 'say' }),
  at('away', line('488d3500000000', 'lea rsi, [rip + gone]', undefined, { form: 'rel32', to: 'gone' })),
  line('ba00000000', 'mov edx, length of gone', undefined, { form: 'length32', to: 'gone' }),
  at('say', line('bf02000000', 'mov edi, 2', 'standard error')),
  line('b801000000', 'mov eax, 1', 'write'),
  line('0f05', 'syscall'),
  at('end', line('bf7e000000', 'mov edi, 126')),
  line('b8e7000000', 'mov eax, 231', 'exit_group'),
  line('0f05', 'syscall'),
  at('line', line('4881ec00020000', 'sub rsp, 512', 'room for a piece of the line')),
  at('more', line('4489f7', 'mov edi, r14d')),
  line('4889e6', 'mov rsi, rsp'),
  line('ba00020000', 'mov edx, 512'),
  line('31c0', 'xor eax, eax', 'read'),
  line('0f05', 'syscall'),
  line('85c0', 'test eax, eax'),
  line('7e00', 'jle end', undefined, { form: 'rel8', to: 'end' }),
  line('89c2', 'mov edx, eax'),
  line('4889e6', 'mov rsi, rsp'),
  line('bf02000000', 'mov edi, 2', 'standard error'),
  line('b801000000', 'mov eax, 1', 'write'),
  line('0f05', 'syscall'),
  line('eb00', 'jmp more', undefined, { form: 'rel8', to: 'more' }),
];

function line(bytes: string, text: string, why?: string, fill?: Fill): Instruction {
  return { bytes, text, ...(why === undefined ? {} : { why }), ...(fill && { fill }) };
}

function at(label: string, instruction: Instruction): Instruction {
  return { ...instruction, label };
}

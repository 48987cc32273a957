import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { knownCalls } from '../../src/tiers/filter/filter.ts';

const HEADERS = [
  ['x86_64', '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'],
  ['aarch64', '/usr/include/asm-generic/unistd.h'],
] as const;
const DEFINITION = /^#define __NR(?:3264)?_(\w+)\s+(\d+)$/gm;
/** Names of the generic header that have another on 64 bits, or are not calls. */
const OTHER_NAME: Readonly<Record<string, string>> = { fstatat: 'newfstatat' };
const NOT_CALLS = ['syscalls', 'arch_specific_syscall', 'sync_file_range2'];
const ONLY_32_BITS = (nr: number): boolean => nr >= 403 && nr < 424;

for (const [arch, header] of HEADERS) {
  const missing = existsSync(header) ? false : `${header} is not on this machine (package linux-libc-dev)`;
  test(`the numbers for ${arch} are those of the kernel's header, and none is forgotten`, { skip: missing }, () => {
    const mine = new Map(knownCalls(arch).map(({ name, nr }) => [name, nr]));
    const found = [...readFileSync(header, 'utf8').matchAll(DEFINITION)].map(
      ([, name, nr]) => [name, Number(nr)] as const,
    );
    const calls = found.filter(([name = '', nr]) => !NOT_CALLS.includes(name) && !ONLY_32_BITS(nr));
    assert.ok(calls.length > 290, `only ${calls.length} read`);
    for (const [name = '', nr] of calls) assert.equal(mine.get(OTHER_NAME[name] ?? name), nr, name);
  });
}

import { readFileSync, writeFileSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';

/** @returns its trimmed text, or undefined if there is no such file, or its cgroup has just gone (ENODEV) */
export function readKernelFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(errnoOf(error))) return undefined;
    throw error;
  }
}

/** @throws Failure naming the file and the kernel's reason */
export function writeKernelFile(file: string, value: string): void {
  try {
    writeFileSync(file, value, { flag: 'r+' });
  } catch (error) {
    throw refused(`${file} does not take "${value}"`, error);
  }
}

export function refused(what: string, error: unknown): Failure {
  return new Failure(
    'cgroup-refused',
    `${what}: ${errnoOf(error)}`,
    'bulkhead doctor shows what this machine can limit.',
    3,
  );
}

/** The kernel's name for an error; what is no error of the kernel is thrown on. */
export function errnoOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  throw error;
}

/** A line `KEY NUMBER` of a flat keyed file. */
export function field(file: string, key: string): number | undefined {
  const line = readKernelFile(file)
    ?.split('\n')
    .find((one) => one.startsWith(`${key} `));
  return line === undefined ? undefined : Number(line.slice(key.length + 1));
}

export function noUnified(): Failure {
  return new Failure(
    'no-cgroup2',
    'This machine has no cgroup v2 hierarchy, so a compartment could be neither frozen nor ended as a whole.',
    'Mount one: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified',
    3,
  );
}

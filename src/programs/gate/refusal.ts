import { closeSync } from 'node:fs';
import { write } from '../../host/gate/libc-gate.ts';
import { put, refuse } from '../../host/gate/seccomp-notify.ts';
import { pipe } from '../../host/pipes.ts';
import { REFUSED } from '../../tiers/stub/instruction.ts';

const LONGEST_LINE = 4000;

/** The line goes to the stub's standard error, and the stub ends with 126. @param at  the descriptor that the stub tries */
export function refuseSaying(listener: number, id: bigint, at: number, line: string): void {
  const { read, write: end } = pipe();
  const text = Buffer.from(`${line}\n`).subarray(0, LONGEST_LINE);
  write(end, text, text.length);
  closeSync(end);
  const failed = put(listener, id, read, at, false);
  closeSync(read);
  refuse(listener, id, failed === 0 ? REFUSED : failed);
}

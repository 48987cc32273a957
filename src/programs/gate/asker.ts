import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { argumentOf } from '../../host/seccomp-notify.ts';
import { readStarted } from './arguments.ts';
import type { ListenerFacts } from './messages.ts';

/** By the file that the process runs, as the kernel has it: its memory was made by that exec, and no agent can write it. */
export function isStub(pid: number, { device, inode }: ListenerFacts): boolean {
  try {
    const { dev, ino } = statSync(`/proc/${pid}/exe`, { bigint: true });
    return String(dev) === device && String(ino) === inode;
  } catch {
    return false; // it has ended
  }
}

export interface Whole {
  readonly stub: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly cwd: string;
}

/** @returns why not, where not everything that decides can be seen */
export function readAll(pid: number, question: Buffer): Whole | string {
  const started = readStarted(pid, argumentOf(question, 2), argumentOf(question, 3));
  if (typeof started === 'string') return started;
  try {
    const filters = /^Seccomp_filters:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    if (filters !== '1') return 'it runs under a filter of its own, which could change what it does';
    return {
      stub: readlinkSync(`/proc/${pid}/exe`),
      cwd: readlinkSync(`/proc/${pid}/cwd`, { encoding: 'latin1' } as never),
      argv: started.argv.map((text) => text.toString('latin1')),
      environment: started.environment.map((text) => text.toString('latin1')),
    };
  } catch {
    return 'it has ended';
  }
}

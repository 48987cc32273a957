import { readdirSync, readFileSync } from 'node:fs';
import type { Places } from '../../plan/places.ts';
import { childrenOf } from './processes.ts';

/** The processes of one state's warden, told by their exact arguments (proc(5), /proc/PID/cmdline). */
export interface WardenProcesses {
  readonly wardens: readonly number[];
  /** The loops that start it again (src/programs/warden/keep), and what they sleep in. */
  readonly keepers: readonly number[];
}

export function wardenProcesses(state: string): WardenProcesses {
  const all = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((name) => ({ pid: Number(name), argv: argvOf(Number(name)) }));
  const keepers = all
    .filter(({ argv }) => argv[1]?.endsWith('/src/programs/warden/keep') && argv[4] === state)
    .map(({ pid }) => pid);
  const sleeps = keepers.flatMap(childrenOf).filter((pid) => argvOf(pid)[0] === 'sleep');
  const wardens = all
    .filter(({ argv }) => argv[2]?.endsWith('/src/programs/warden/main.ts') && argv[4] === state)
    .map(({ pid }) => pid);
  return { wardens, keepers: [...keepers, ...sleeps] };
}

/** Ledger, gateway and gate of a state, by their exact arguments: rootless, their user's other processes are not to be touched. */
export function programsOf({ ledger, gateway, gate }: Pick<Places, 'ledger' | 'gateway' | 'gate'>): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && uidOf(Number(name)) === process.getuid?.())
    .map(Number)
    .filter((pid) => {
      const argv = argvOf(pid);
      const dir = argv[argv.indexOf('--dir') + 1];
      return (
        (argv[2]?.endsWith('/src/programs/ledger/main.ts') === true && dir === ledger) ||
        (argv[2]?.endsWith('/src/programs/gateway/main.ts') === true && dir === gateway) ||
        (argv[2]?.endsWith('/src/programs/gate/main.ts') === true && dir === gate)
      );
    });
}

/** Processes under one of these users. */
export function processesOfUids(uids: readonly number[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && uids.includes(uidOf(Number(name))))
    .map(Number);
}

function uidOf(pid: number): number {
  return Number(/^Uid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? -1);
}

function argvOf(pid: number): string[] {
  return read(`/proc/${pid}/cmdline`).split('\0');
}

/** Empty when the process is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}

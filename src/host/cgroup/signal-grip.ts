import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/failure.ts';
import { childrenOf, endProcess, signalProcess } from '../processes/processes.ts';
import type { Grip, Held } from './grip.ts';

/** Without a cgroup the process namespace is what holds a compartment's processes together: none can leave it, and all end with
 *  its first (pid_namespaces(7)). They are stopped one by one until two looks in a row find the same and none running: by then nobody
 *  is left who could continue another. */
const LOOK_MS = 2;
const PATIENCE_MS = 5_000;
/** While it is paused: what a launcher was just bringing in when the pause began is stopped as well. */
const AGAIN_MS = 200;

export function signalGrip(): Grip {
  let keeping: NodeJS.Timeout | undefined;
  const processes = ({ firstPid }: Held): number[] =>
    firstPid === undefined ? [] : processesWith(firstPid).filter((pid) => !ended(pid));
  const running = (held: Held): number[] => processes(held).filter((pid) => !stopped(pid));
  return {
    async freeze(held) {
      clearInterval(keeping);
      const stopAll = stopper(() => (held.firstPid === undefined ? [] : processesWith(held.firstPid)));
      await until(stopAll, () => `Still running: ${running(held).slice(0, 10).join(' ')}`);
      keeping = setInterval(stopAll, AGAIN_MS).unref();
    },
    async thaw(held) {
      clearInterval(keeping);
      const goOn = (): boolean => {
        const still = processes(held).filter(stopped);
        for (const pid of still) signalProcess(pid, 'SIGCONT');
        return still.length === 0;
      };
      await until(goOn, () => 'The processes do not go on');
    },
    frozen: (held) => running(held).length === 0,
    async killAll({ keeper, firstPid }) {
      clearInterval(keeping);
      const { pid } = keeper ?? {};
      if (pid === undefined) return;
      const gone = (): boolean => {
        const alive = keeper?.exitCode === null && keeper.signalCode === null;
        // What is no child of the keeper's any more has ended, and its number may be somebody else's.
        if (alive) for (const child of childrenOf(pid)) endProcess(child);
        return !alive && (firstPid === undefined || ended(firstPid));
      };
      const polite = performance.now() + 500; // it ends by itself when its child has
      await until(
        () => gone() || (performance.now() > polite && keeper?.kill('SIGKILL') === true && false),
        () => `Still there after SIGKILL: ${firstPid ?? pid}`,
      );
    },
    processes,
    measured: {
      frozen: 'every process in its namespace is stopped (state T)',
      thawed: 'no process in its namespace is stopped',
      ended: 'the first process of its namespace has ended, and all with it',
    },
  };
}

function processesWith(firstPid: number): number[] {
  const space = linkOf(firstPid);
  if (space === undefined) return [];
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && linkOf(Number(name)) === space)
    .map(Number);
}

/** One look, which stops what it finds running. It says yes when it found what the look before it found, and nothing of that ran
 *  or ended meanwhile: a process that forks and ends while it is looked for would otherwise be missed with its child. */
function stopper(list: () => readonly number[]): () => boolean {
  const dead = new Set<number>();
  let before = '';
  return () => {
    let quiet = true;
    const all = list();
    for (const pid of all) {
      if (ended(pid)) {
        quiet &&= dead.has(pid);
        dead.add(pid);
      } else if (!stopped(pid)) {
        quiet = false;
        signalProcess(pid, 'SIGSTOP');
      }
    }
    const same = all.join(' ') === before;
    before = all.join(' ');
    return quiet && same;
  };
}

/** Undefined when it is gone, or somebody else's. */
function linkOf(pid: number): string | undefined {
  return quietly(() => readlinkSync(`/proc/${pid}/ns/pid`));
}

/** All threads of it: proc_pid_stat(5), T stopped, t traced; those that have ended count as stopped. */
function stopped(pid: number): boolean {
  const tasks = quietly(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return tasks.every((task) => 'TtZX'.includes(stateOf(`/proc/${pid}/task/${task}/stat`)));
}

function ended(pid: number): boolean {
  return 'ZX'.includes(stateOf(`/proc/${pid}/stat`));
}

/** The name before the state stands in brackets, and its owner chose it. */
function stateOf(path: string): string {
  const text = quietly(() => readFileSync(path, 'latin1'));
  return text === undefined ? 'X' : (text.slice(text.lastIndexOf(')') + 2)[0] ?? 'X');
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}

async function until(holds: () => boolean, otherwise: () => string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > end)
      throw new Failure('stuck', otherwise(), 'Its state and wchan in /proc say what it waits for.', 1);
    await sleep(LOOK_MS);
  }
}

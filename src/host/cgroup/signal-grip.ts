import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/failure.ts';
import { statOf } from '../processes/process-stat.ts';
import { childrenOf, endProcess, signalGroup, signalProcess } from '../processes/processes.ts';
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
      const { firstPid } = held;
      const stopAll = firstPid === undefined ? () => true : stopper(firstPid);
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
      frozen: 'every process in its namespace is stopped (state T, or D and to stop before it goes on)',
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
 *  or ended meanwhile: a process that forks and ends while it is looked for would otherwise be missed with its child. Its group is stopped
 *  with it, which no fork escapes: a signal to many also reaches who is just being forked (Linux, kernel/fork.c, `multiprocess`). */
function stopper(firstPid: number): () => boolean {
  const dead = new Set<number>();
  let before = '';
  return () => {
    let quiet = true;
    const all = processesWith(firstPid);
    for (const pid of all) {
      if (ended(pid)) {
        quiet &&= dead.has(pid);
        dead.add(pid);
      } else if (!stopped(pid)) {
        quiet = false;
        signalProcess(pid, 'SIGSTOP');
        const leader = groupOf(pid);
        // A group that somebody outside leads is not the compartment's alone.
        if (all.includes(leader)) signalGroup(leader, 'SIGSTOP');
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

/** All threads of it: proc_pid_stat(5), T stopped, t traced; those that have ended count as stopped. One that waits in the kernel (D), as long as
 *  it likes for a child that it has by vfork(2), takes no signal: it is as good as stopped once the signal waits for it, or stops its
 *  siblings, for it stops before it goes on. */
function stopped(pid: number): boolean {
  const tasks = quietly(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const states = tasks.map((task) => stateOf(pid, task));
  const still = states.every((state) => 'TtZX'.includes(state));
  return still || (states.every((state) => 'TtZXD'.includes(state)) && (states.includes('T') || isToStop(pid)));
}

/** proc_pid_status(5), ShdPnd: a bit for each signal that waits for the process; SIGSTOP is 19. */
function isToStop(pid: number): boolean {
  const text = quietly(() => readFileSync(`/proc/${pid}/status`, 'latin1')) ?? '';
  const waiting = /^ShdPnd:\s*([0-9a-f]{1,16})$/m.exec(text)?.[1] ?? '0';
  return (BigInt(`0x${waiting}`) & (1n << 18n)) !== 0n;
}

function ended(pid: number): boolean {
  return 'ZX'.includes(stateOf(pid));
}

function stateOf(pid: number, task?: string): string {
  return statOf(pid, task)?.[0] ?? 'X';
}

/** Its process group, by the number of who leads it (proc_pid_stat(5), field 5); 0 when it is gone. */
function groupOf(pid: number): number {
  return Number(statOf(pid)?.[2] ?? 0);
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

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** Where a text is held: in the memory, environment and arguments of processes, and in files. Read from outside, as root.
 *  @returns `PID memory`, `PID environ`, `PID cmdline`, or the path of a file */
export function holdersOf(text: string | Uint8Array, pids: readonly number[], folders: readonly string[]): string[] {
  const bytes = Buffer.from(text);
  return [...pids.flatMap((pid) => inProcess(pid, bytes)), ...folders.flatMap((folder) => inFiles(folder, bytes))];
}

/** Every process of a cgroup v1 or v2 folder and those below it. */
export function processesOf(cgroup: string): number[] {
  const folders = readdirSync(cgroup, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
  const all = [cgroup, ...folders.map((entry) => join(entry.parentPath, entry.name))];
  return all.flatMap((folder) =>
    (unlessGone(() => readFileSync(join(folder, 'cgroup.procs'), 'utf8')) ?? '')
      .split('\n')
      .filter(Boolean)
      .map(Number),
  );
}

/** What an agent still runs may end, or take a file away, between a look at the folder and a look into it. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function inProcess(pid: number, bytes: Buffer): string[] {
  const found: string[] = [];
  try {
    for (const file of ['environ', 'cmdline'])
      if (readFileSync(`/proc/${pid}/${file}`).includes(bytes)) found.push(`${pid} ${file}`);
    if (inMemory(pid, bytes)) found.push(`${pid} memory`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ESRCH') throw error; // it has ended
  }
  return found;
}

const STEP = 16 * 1024 * 1024;

/** proc_pid_maps(5), proc_pid_mem(5). Mappings of a file that nobody writes are the file. */
function inMemory(pid: number, bytes: Buffer): boolean {
  const mem = openSync(`/proc/${pid}/mem`, 'r');
  const buffer = Buffer.alloc(STEP + bytes.length);
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const end = BigInt(`0x${to}`);
      for (let at = BigInt(`0x${from}`); at < end; at += BigInt(STEP)) {
        const length = Math.min(buffer.length, Number(end - at));
        const got = readAt(mem, buffer, length, at);
        if (buffer.subarray(0, got).includes(bytes)) return true;
      }
    }
    return false;
  } finally {
    closeSync(mem);
  }
}

function readAt(fd: number, into: Buffer, length: number, at: bigint): number {
  try {
    return readSync(fd, into, 0, length, at);
  } catch {
    return 0; // reserved and never touched, or gone
  }
}

function inFiles(folder: string, bytes: Buffer): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => unlessGone(() => readFileSync(path))?.includes(bytes));
}

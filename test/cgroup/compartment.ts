import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCgroup, procsFiles } from '../../src/host/cgroup/cgroup.ts';
import { removeCgroup } from '../../src/host/cgroup/cgroup-life.ts';
import type { CgroupLimits } from '../../src/host/cgroup/cgroup-limits.ts';
import { type CgroupRoots, observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';

export const ROOTS: CgroupRoots = observeCgroups();
export const NOT_ROOT: false | string = process.getuid?.() === 0 ? false : 'making cgroups needs root';
export const PLENTY: CgroupLimits = { memory: 512 * 2 ** 20, processes: 300, cpu: 200 };

/** A cgroup of its own for one test, gone at its end whatever happened. */
export function cgroupFor(t: TestContext, name: string, limits: CgroupLimits = PLENTY): string {
  const path = `bhtest-cgroup-${process.pid}/${name}`;
  t.after(() => removeCgroup(ROOTS, path));
  makeCgroup(ROOTS, path, limits);
  return path;
}

/** Perl in the cgroup: it joins first, as the launcher does. */
export function start(path: string, program: string, procs: readonly string[] = procsFiles(ROOTS, path)): ChildProcess {
  const join =
    'for my $file (splice @ARGV) { open my $f, ">", $file or die "$file $!"; syswrite $f, $$ or die "$file $!" }';
  return spawn('perl', ['-e', `${join}\n${program}`, ...procs], { stdio: ['ignore', 'pipe', 'inherit'] });
}

export async function output(
  child: ChildProcess,
): Promise<{ text: string; code: number | null; signal: string | null }> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { text, code, signal };
}

export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await sleep(5);
  }
}

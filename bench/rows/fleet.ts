import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesOf } from '../../src/host/cgroup/cgroup.ts';
import { observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import { cgroupPath } from '../../src/plan/fleet.ts';
import type { Ground } from '../ground.ts';
import { type Line, line } from '../line.ts';
import { pauseLines } from '../pause.ts';
import { commandOf, processorSeconds, proportionalBytes } from '../processes.ts';
import { Stand } from '../stand.ts';

/** The size that the figures of the project are about. */
const FULL = 31;
const MB = 1e6;
const PROCESSORS: number = availableParallelism();
/** The rounds of probes come once a minute: a window of as much holds each compartment's once. */
const ROUND_SECONDS = 60;

/** A fleet of idle agents of each size: how long it takes to put up, what it costs while nothing happens; and the kill switch. */
export async function rows(ground: Ground): Promise<Line[]> {
  const sizes = ground.extent.quick ? [1, 3] : [1, 10, FULL, ...(ground.extent.long ? [100, 200] : [])];
  const lines: Line[] = [];
  let programsOfOne = 0;
  for (const size of sizes) {
    ground.say(`${size} agents`);
    const stand = new Stand(ground);
    const full = size === FULL || ground.extent.quick;
    try {
      const upSeconds = (await stand.up(fleetOf(size))) / 1000;
      const { programs, besides } = memory(stand, await stand.programs());
      if (size === 1) programsOfOne = programs;
      lines.push(
        line(`${size} agents: up, from nothing`, 's', size === FULL ? { atMost: 15 } : { none: true }, [upSeconds]),
        line(`${size} agents: memory of the programs`, 'MB', size === FULL ? { under: 400 } : { none: true }, [
          programs / MB,
        ]),
      );
      if (size > 1) {
        const extra = besides + (programs - programsOfOne) / (size - 1);
        const target = size === FULL ? { atMost: 4 } : { none: true as const };
        lines.push(line(`${size} agents: memory of each besides its own`, 'MB', target, [extra / MB]));
      }
      if (size >= FULL || full) {
        await sleep(5000); // what the start still had to do
        const target = size === FULL ? { under: 2 } : { none: true as const };
        lines.push(
          line(`${size} agents: idle, all probes running`, '% of the machine', target, [await idle(ground, stand)]),
        );
      }
      if (full) lines.push(...(await pauseLines(ground, stand, size === FULL)));
    } finally {
      await stand.clear(ground);
    }
  }
  return lines;
}

function fleetOf(size: number): string {
  const agent = (number: number): string =>
    `  a${number}:\n    command: [sleep, infinity]\n    exec: { sets: [base], allow: [setsid] }\n`;
  return Array.from({ length: size }, (_, number) => agent(number)).join('');
}

function processesOfAgents(stand: Stand): number[][] {
  const roots = observeCgroups();
  return stand.wanted().agents.map(({ name }) => processesOf(roots, cgroupPath(stand.fleet, name)));
}

/** Bytes (PSS): of warden, gateway and ledger together, and of what else runs in a compartment than its agent's command. */
function memory(stand: Stand, programs: readonly { pid: number }[]): { programs: number; besides: number } {
  const sum = (pids: readonly number[]): number => pids.reduce((all, pid) => all + proportionalBytes(pid), 0);
  const agents = processesOfAgents(stand);
  const ours = agents.flat().filter((pid) => commandOf(pid) !== 'sleep');
  return { programs: sum(programs.map(({ pid }) => pid)), besides: sum(ours) / agents.length };
}

/** Per cent of all processors, over one round of probes; what the warden started and has ended is in. */
async function idle(ground: Ground, stand: Stand): Promise<number> {
  const programs = await stand.programs();
  const inside = processesOfAgents(stand).flat();
  const taken = (): number =>
    programs.reduce((sum, { pid }) => sum + processorSeconds(pid, true), 0) +
    inside.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const before = taken();
  const begun = performance.now();
  await sleep(1000 * ground.count(ROUND_SECONDS, 5));
  const seconds = (performance.now() - begun) / 1000;
  return (100 * (taken() - before)) / seconds / PROCESSORS;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { usage } from '../src/host/cgroup/cgroup.ts';
import { frozen } from '../src/host/cgroup/cgroup-life.ts';
import { observeCgroups, unifiedFolder } from '../src/host/cgroup/cgroup-roots.ts';
import { cgroupPath } from '../src/plan/fleet.ts';
import type { Ground } from './ground.ts';
import { type Line, line } from './line.ts';
import { connectedRun } from './session.ts';
import type { Stand } from './stand.ts';

/** Doubles until the compartment's limit of processes, and again whenever one ends. */
const FORK_BOMB = ['bash', '-c', 'b() { b | b & }; while :; do b 2>/dev/null; sleep 0.1; done'];
/** Children that left their session and their parent, one of them busy. */
const LEFT = [
  'bash',
  '-c',
  'for i in 1 2 3; do setsid sleep 1000 & done; setsid bash -c "while :; do :; done" & exit 0',
];
const BOMBS = 4;

/** `pause --all` while fork bombs run in some agents and processes that left their session in all of them. */
export async function pauseLines(ground: Ground, stand: Stand, counts: boolean): Promise<Line[]> {
  const roots = observeCgroups();
  const names = stand.wanted().agents.map(({ name }) => name as string);
  const paths = names.map((name) => cgroupPath(stand.fleet, name));
  for (const [number, name] of names.entries())
    ground.keep(connectedRun(stand.places.wardenSocket, name, number < BOMBS ? FORK_BOMB : LEFT));
  const [command, request]: [number[], number[]] = [[], []];
  const lastFrozen = async (begun: number): Promise<number> => {
    for (const late = begun + 30_000; performance.now() < late; await sleep(2))
      if (paths.every((path) => frozen(roots, path))) return performance.now() - begun;
    throw new Error('not all was frozen within 30 s');
  };
  for (let round = ground.count(5, 1); round > 0; round--) {
    await sleep(2000);
    if (round === 1) ground.say(`${busy(paths)} processes in ${paths.length} agents`);
    const begun = performance.now();
    const done = stand.bulkhead('pause', '--all');
    command.push(await lastFrozen(begun));
    await done;
    const before = paths.map((path) => usage(roots, path).cpu);
    await sleep(200);
    if (paths.some((path, at) => usage(roots, path).cpu !== before[at])) throw new Error('something ran while frozen');
    await stand.bulkhead('resume', '--all');
    await sleep(2000);
    const warden = await stand.warden();
    const asked = performance.now();
    const answers = names.map((agent) => warden.call('agent.pause', { agent }));
    request.push(await lastFrozen(asked));
    await Promise.all(answers);
    warden.close();
    await stand.bulkhead('resume', '--all');
  }
  const what = `${names.length} agents: pause --all to the last process frozen`;
  return [
    line(what, 'ms', counts ? { under: 500 } : { none: true }, command, {}, 'with the start of the command line'),
    line(`${what}, from the request`, 'ms', { none: true }, request),
  ];

  function busy(all: readonly string[]): number {
    return all.reduce((sum, path) => {
      const folder = unifiedFolder(roots, path);
      return sum + (folder ? readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').length - 1 : 0);
    }, 0);
  }
}

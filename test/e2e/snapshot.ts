import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import { groundOf } from '../../src/plan/machine.ts';
import { lines, loopDevices, mountPoints, netnsNames } from './machine.ts';
import { commandLine, processesAbout } from './sweep.ts';

/** Everything on the machine that a fleet could leave behind, one line each. */
export function machineSnapshot(state: string): Set<string> {
  const accounts = ['passwd', 'group', 'shadow', 'gshadow', 'subuid', 'subgid'];
  return new Set([
    ...accounts.flatMap((file) => lines(`/etc/${file}`).map((line) => `${file}: ${line}`)),
    ...mountPoints().map((at) => `mount ${at}`),
    ...loopDevices().map(({ device, file }) => `${device} over ${file}`),
    ...netnsNames().map((name) => `netns ${name}`),
    ...cgroups().map((path) => `cgroup ${path}`),
    ...['nft -s list ruleset', 'ip rule', 'ip -6 rule', 'ip route show table all', 'ip -brief link'].flatMap(said),
    ...['/etc', '/etc/systemd/system', '/run', '/var/lib', '/dev/shm', '/usr/local/bin', '/usr/local/lib'].flatMap(
      names,
    ),
    ...processesAbout(state).map((pid) => `process ${commandLine(pid)}`),
    ...agentsProcesses(),
  ]);
}

/** What is there now and was not, or was and is not; empty when the machine is as it was. Others work on the machine meanwhile:
 *  only what bears our names counts, and what nobody's test changes. With BULKHEAD_ALONE=1 everything counts.
 *  Waits a little for what the kernel takes away in its own time. */
export async function changesSince(
  before: ReadonlySet<string>,
  stand: { state: string; fleet: string },
): Promise<string[]> {
  const { users } = groundOf(stand.state);
  const ours = [stand.state, `bh-${stand.fleet}-`, `bulkhead/${stand.fleet}`, users.gateway, users.ledger];
  const others = (line: string): boolean => !ours.some((name) => line.includes(name)) && !OF_ALL.test(line);
  for (const late = Date.now() + 20_000; ; ) {
    const now = machineSnapshot(stand.state);
    const changed = [
      ...[...now].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
      ...[...before].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ].filter((line) => process.env.BULKHEAD_ALONE === '1' || !others(line));
    if (changed.length === 0 || Date.now() > late) return changed;
    await sleep(200);
  }
}

/** The host's packet filter and its policy routing. */
const OF_ALL = /^(nft|ip rule|ip -6 rule)/;

/** Looked at anew when one of another fleet's goes away in between. */
function cgroups(looks = 0): string[] {
  try {
    return cgroupsNow();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || looks === 20) throw error;
    return cgroups(looks + 1);
  }
}

function cgroupsNow(): string[] {
  const { unified, v1 } = observeCgroups();
  return [unified, ...Object.values(v1)]
    .map((root) => `${root}/bulkhead`)
    .filter((path) => existsSync(path))
    .flatMap((path) => [
      path,
      ...readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `${entry.parentPath}/${entry.name}`),
    ]);
}

function said(command: string): string[] {
  const [program = '', ...args] = command.split(' ');
  return execFileSync(program, args, { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${command}: ${line}`);
}

/** Files that useradd(8) and its like make for a moment are left out. */
function names(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !/^\.?(passwd|group|shadow|gshadow|subuid|subgid|pwd)[.+]/.test(name))
    .map((name) => `file ${folder}/${name}`);
}

/** Processes under a uid that only agents have. */
function agentsProcesses(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const status = `/proc/${pid}/status`;
      try {
        const uid = /^Uid:\s*(4[78]\d{3})\b/m.exec(readFileSync(status, 'utf8'))?.[1];
        return uid === undefined ? [] : [`process of uid ${uid}`];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

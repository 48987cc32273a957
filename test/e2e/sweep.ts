import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeCgroup } from '../../src/host/cgroup/cgroup-life.ts';
import { cgroupFolders, observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { groundOf } from '../../src/plan/machine.ts';
import { groupNames, loopDevices, mountPoints, netnsNames, userNames } from './machine.ts';

/** Takes away whatever is left of a state and its fleet, by name and without our own code, so that one failing test does not
 *  spoil the next. @returns what there was, in words */
export async function sweep(state: string, fleet: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of processesAbout(state)) {
    found.push(`process ${pid}: ${commandLine(pid)}`);
    kill(pid);
  }
  if (found.length > 0) await sleep(300);
  const roots = observeCgroups();
  const cgroup = `bulkhead/${fleet}`;
  if (cgroupFolders(roots, cgroup).some((folder) => existsSync(folder))) {
    found.push(`cgroup ${cgroup}`);
    await removeCgroup(roots, cgroup);
  }
  for (const name of netnsNames().filter((name) => name.startsWith(`bh-${fleet}-`))) {
    found.push(`netns ${name}`);
    tool('ip', ['netns', 'delete', name]);
  }
  for (const at of mountPoints()
    .filter((at) => at.startsWith(`${state}/`))
    .reverse()) {
    found.push(`mount ${at}`);
    tool('umount', ['--lazy', at]);
  }
  for (const { device, file } of loopDevices().filter(({ file }) => file.startsWith(`${state}/`))) {
    found.push(`${device} over ${file}`);
    tool('losetup', ['--detach', device]);
  }
  const { users } = groundOf(state);
  const ours = (name: string): boolean =>
    name.startsWith(`bh-${fleet}-`) || name === users.gateway || name === users.ledger;
  for (const name of userNames().filter(ours)) {
    found.push(`user ${name}`);
    tool('userdel', [name]);
  }
  for (const name of groupNames().filter(ours)) {
    found.push(`group ${name}`);
    tool('groupdel', [name]);
  }
  if (existsSync(state)) {
    found.push(`folder ${state}`);
    removeTree(state);
  }
  return found;
}

/** Processes whose program, arguments or working directory are in the state; never this one or above it. */
export function processesAbout(state: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && pid !== process.ppid)
    .filter((pid) => {
      const text = `${commandLine(pid)} ${link(`/proc/${pid}/exe`)} ${link(`/proc/${pid}/cwd`)} `;
      return text.includes(`${state}/`) || text.includes(`${state} `);
    });
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself meanwhile
  }
}

function tool(program: string, args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: 'pipe' });
  } catch {
    // gone meanwhile (a group goes with its user); what cannot be removed is named in what we return
  }
}

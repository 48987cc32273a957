import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { DEFAULT_STATE } from '../plan/places.ts';
import type { SystemView } from '../tiers/facts.ts';
import { systemView } from '../tiers/system-view.ts';

/** What an agent of tier `user` sees of this machine.
 *  @param state  of this fleet, which need not be there yet; one in the default place is covered too */
export function lookAtSystem(state: string): SystemView {
  const isFolder = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const top = readdirSync('/', { withFileTypes: true });
  return systemView({
    folders: top.filter((entry) => entry.isDirectory()).map(({ name }) => `/${name}`),
    links: top
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => ({ at: `/${name}`, to: readlinkSync(`/${name}`) })),
    mountPoints: mountPoints(readFileSync('/proc/self/mountinfo', 'utf8')),
    states: [...new Set([state, ...[DEFAULT_STATE].filter(isFolder)])],
    isFolder,
    hostname: hostname(),
  });
}

/** proc_pid_mountinfo(5): the fifth field, with blanks and the like as three octal digits. */
function mountPoints(mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
}

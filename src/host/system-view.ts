import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import type { SystemView } from '../tiers/facts.ts';
import { systemView } from '../tiers/system-view.ts';

/** What an agent of tier `user` sees of this machine.
 *  @param states  folders of the product's own that are covered */
export function lookAtSystem(states: readonly string[]): SystemView {
  const top = readdirSync('/', { withFileTypes: true });
  return systemView({
    folders: top.filter((entry) => entry.isDirectory()).map(({ name }) => `/${name}`),
    links: top
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => ({ at: `/${name}`, to: readlinkSync(`/${name}`) })),
    mountPoints: mountPoints(readFileSync('/proc/self/mountinfo', 'utf8')),
    states: states.filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory()),
    isFolder: (path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
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

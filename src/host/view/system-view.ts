import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { DEFAULT_STATE } from '../../plan/places.ts';
import type { SystemView } from '../../tiers/facts.ts';
import { systemView } from '../../tiers/system-view.ts';

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
    loaders: loaders(),
    hostname: hostname(),
  });
}

/** ld.so(8): the interpreters that dynamic programs name. */
function loaders(): string[] {
  const found = ['/lib64', '/lib'].flatMap((folder) =>
    statSync(folder, { throwIfNoEntry: false })?.isDirectory()
      ? readdirSync(folder)
          .filter((name) => /^ld-(linux|musl)/.test(name))
          .map((name) => realpathSync(`${folder}/${name}`))
      : [],
  );
  return [...new Set(found)].sort();
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

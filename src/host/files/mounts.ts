import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../../model/failure.ts';

/** Where something is mounted, as this process sees it (proc(5), mountinfo: space, tab, newline and backslash are octal). */
export function mountPoints(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 8)),
      ),
    );
}

/** The first mount in a folder; one on the folder itself is none of them.
 *  @param folder  its real path, without links */
export function mountBelow(folder: string): string | undefined {
  return mountPoints().find((at) => at.startsWith(folder === '/' ? '/' : `${folder}/`));
}

/** Removing a folder with all that is in it goes through mounts, and a bind of the host's own root has the same device number as
 *  the folder: so nothing may be mounted in there.
 *  @throws Failure naming the first mount */
export function mustHoldNoMount(folder: string): void {
  const above = dirname(resolve(folder));
  if (!existsSync(above)) return;
  const real = join(realpathSync(above), basename(folder)); // mountinfo knows no links; a link itself is removed as one
  const found = mountPoints().find((at) => at === real || at.startsWith(`${real}/`));
  if (found === undefined) return;
  throw new Failure(
    'mount-inside',
    `Something is mounted on ${found}, and removing ${folder} would empty it.`,
    `Take it off and run the command again: umount ${found}`,
    3,
  );
}

/** The one way here to remove a folder with all that is in it; what is gone already is no error.
 *  @throws Failure when something is mounted in it */
export function removeTree(path: string): void {
  mustHoldNoMount(path);
  rmSync(path, { recursive: true, force: true });
}

import { readFileSync } from 'node:fs';
import { Failure } from '../model/failure.ts';

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

/** Removing a folder with all that is in it goes through mounts, and a bind of the host's own root has the same device number as
 *  the folder: so nothing may be mounted in there.
 *  @throws Failure naming the first mount */
export function mustHoldNoMount(folder: string): void {
  const found = mountPoints().find((at) => at === folder || at.startsWith(`${folder}/`));
  if (found === undefined) return;
  throw new Failure(
    'mount-inside',
    `Something is mounted on ${found}, and removing ${folder} would empty it.`,
    `Take it off and run the command again: umount ${found}`,
    3,
  );
}

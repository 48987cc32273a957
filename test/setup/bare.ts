import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../../src/host/files/mounts.ts';
import { TOP } from '../tree/sources.ts';

export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a bash script as root of a copy of this machine that is gone afterwards: an overlay over /, in a mount namespace of its
 *  own, so that packages can really be removed and installed. The project's set-up is at /bulkhead, without node_modules.
 *  In the script `try NAME COMMAND...` runs a command without a terminal and keeps its outcome under that name.
 *  @returns the outcomes, or why no such copy can be made here */
export function onACopy(script: string, names: readonly string[]): Map<string, Outcome> | string {
  if (process.getuid?.() !== 0) return 'a copy of this machine takes root';
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-bare-'));
  try {
    mkdirSync(join(folder, 'bulkhead'));
    for (const path of ['setup', '.npmrc', 'package.json', 'package-lock.json', 'bulkhead', 'src', 'examples'])
      cpSync(join(TOP, path), join(folder, 'bulkhead', path), { recursive: true });
    const made = spawnSync(
      'unshare',
      ['--mount', '--propagation', 'private', 'bash', '-c', `${PRELUDE}${script}`, 'bare', folder],
      {
        encoding: 'utf8',
        timeout: 240_000,
      },
    );
    if (!existsSync(join(folder, 'ready'))) return `no overlay over / here: ${made.stderr.trim().split('\n').at(-1)}`;
    const part = (name: string, kind: string): string => readFileSync(join(folder, `${name}.${kind}`), 'utf8');
    return new Map(
      names.map((name) => {
        if (!existsSync(join(folder, `${name}.exit`)))
          throw new Error(`the script ended before "${name}": ${made.stdout}${made.stderr}`);
        return [name, { exit: Number(part(name, 'exit')), stdout: part(name, 'out'), stderr: part(name, 'err') }];
      }),
    );
  } finally {
    removeTree(folder);
  }
}

const PRELUDE = `
set -eu
folder=$1
results=$folder
mkdir "$folder/room"
mount -t tmpfs -o size=4G tmpfs "$folder/room"
mkdir "$folder/room/upper" "$folder/room/work" "$folder/room/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/room/upper,workdir=$folder/room/work" "$folder/room/root"
root=$folder/room/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
rm -rf "$root/bulkhead"
cp -r "$folder/bulkhead" "$root/bulkhead"
chmod -R a+rX "$root/bulkhead"
touch "$folder/ready"
inside() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$root" "$@"; }
remove() { inside dpkg --purge --force-depends --no-triggers "$@" >/dev/null; rm -rf "$root"/var/cache/apt/archives/*.deb; }
try() {
  local name=$1 exit=0
  shift
  "$@" >"$results/$name.out" 2>"$results/$name.err" </dev/null || exit=$?
  echo "$exit" >"$results/$name.exit"
}
`;

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tried } from '../../checks/machine/facts.ts';
import { hostRuleset } from '../../tiers/host-rules.ts';
import { netnsRuleset } from '../../tiers/netns-rules.ts';
import { keepToLoopback } from '../cgroup/loopback-only.ts';
import { removeTree } from '../files/mounts.ts';
import { type Ran, ran } from '../processes/ran.ts';

/** What cannot be read off a machine is tried, in namespaces that end with the trying process. */

/** Any uid without privileges does; this one owns nothing. */
const NOBODY = 65534;
const PROBE: string = fileURLToPath(new URL('machine-probe.pl', import.meta.url));

function tried({ exit, stderr }: Ran): Tried {
  if (exit === 0) return { works: true };
  const why = stderr.trim().split('\n').at(-1) ?? '';
  return { works: false, why: why === '' ? `it ended with ${exit ?? 'no status'}` : why };
}

const ROOT_ONLY: Tried = { works: 'unknown', why: 'only root can try it' };

export async function tryUserNamespace(uid: number): Promise<Tried> {
  const mapped = uid === 0 ? [] : ['--map-current-user'];
  return tried(await ran('unshare', ['--user', ...mapped, 'true'], uid === 0 ? { uid: NOBODY } : {}));
}

export async function tryBubblewrap(uid: number): Promise<Tried> {
  const spaces = [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup',
    '--disable-userns',
  ];
  // Only what `true` needs: below / are mounts that may go away meanwhile (another fleet's network namespaces), and then it fails.
  const libraries = ['/bin', '/lib', '/lib64'].flatMap((at) => ['--ro-bind-try', at, at]);
  const view = ['--ro-bind', '/usr', '/usr', ...libraries, '--proc', '/proc'];
  const rest = ['--die-with-parent', '--cap-drop', 'ALL', ...view, '--', 'true'];
  if (uid === 0) return tried(await ran('bwrap', [...spaces, ...rest], { uid: NOBODY }));
  // Without root it stands in a namespace that owns its network and its mounts.
  const around = ['--user', '--map-current-user', '--net', '--mount', 'bwrap'];
  return tried(await ran('unshare', [...around, ...spaces, ...rest]));
}

const NETWORK = `set -e
ip link set lo up
ip route add local default dev lo
ip -6 route add local default dev lo
nft -f -`;

export async function tryNetwork(uid: number): Promise<Tried> {
  const alone = uid === 0 ? ['--net'] : ['--user', '--map-root-user', '--net'];
  return tried(await ran('unshare', [...alone, 'sh', '-c', NETWORK], { input: netnsRuleset() }));
}

/** The mount is in a namespace of its own: with its last process the loop device is free again. */
const DISK = `set -e
mkfs.ext4 -q -F "$1/disk.img" >&2
mount -o loop,nosuid,nodev,noexec "$1/disk.img" "$1/disk"
exec perl "$2" idmap "$1/disk"`;

export async function tryDisk(uid: number): Promise<Tried> {
  if (uid !== 0) return ROOT_ONLY;
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-doctor-'));
  try {
    mkdirSync(join(folder, 'disk'));
    writeFileSync(join(folder, 'disk.img'), '');
    truncateSync(join(folder, 'disk.img'), 4 * 1024 * 1024);
    return tried(await ran('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', DISK, 'sh', folder, PROBE]));
  } finally {
    removeTree(folder);
  }
}

/** In a mount namespace that ends with it. Whoever is nobody must not see process 1. */
const HIDEPID = `set -e
command -v setpriv > /dev/null
mount -t proc -o nosuid,nodev,noexec,hidepid=invisible proc "$1"
if setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups test -e "$1/1"; then
  echo "process 1 is in sight all the same" >&2; exit 1
fi`;

export async function tryHidepid(uid: number): Promise<Tried> {
  if (uid !== 0) return ROOT_ONLY;
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-doctor-'));
  try {
    chmodSync(folder, 0o755);
    return tried(await ran('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', HIDEPID, 'sh', folder]));
  } finally {
    rmdirSync(folder);
  }
}

/** Rules of one agent that nobody is, in a network namespace that ends with it; and the hold on an empty cgroup. */
const HOST_NETWORK = `set -e
ip link set lo up
for f in -4 -6; do ip $f rule add pref 0 uidrange ${NOBODY}-${NOBODY} unreachable; done
mount --bind "$1" /sys/fs/cgroup
nft -f -`;

export async function tryHostNetwork(unified: string | null, uid: number): Promise<Tried> {
  if (unified === null) return { works: false, why: 'cgroup v2 is not mounted' };
  if (uid !== 0) return ROOT_ONLY;
  const fleet = `bulkhead-doctor-net-${process.pid}`;
  const group = join(unified, fleet, 'agent');
  try {
    mkdirSync(group, { recursive: true });
    keepToLoopback(group);
    const input = hostRuleset('bulkhead_doctor', fleet, [{ uid: NOBODY, cgroup: `${fleet}/agent`, ports: [1] }]);
    const alone = ['--net', '--mount', '--propagation', 'private'];
    return tried(await ran('unshare', [...alone, 'sh', '-c', HOST_NETWORK, 'sh', unified], { input }));
  } catch (error) {
    return { works: false, why: (error as Error).message };
  } finally {
    for (const folder of [group, join(unified, fleet)]) if (existsSync(folder)) rmdirSync(folder);
  }
}

/** Makes an empty group and takes it away again. */
export async function tryFreeze(unified: string | null, uid: number): Promise<Tried> {
  if (unified === null) return { works: false, why: 'cgroup v2 is not mounted' };
  if (uid !== 0) return ROOT_ONLY;
  const group = join(unified, `bulkhead-doctor-${process.pid}`);
  try {
    mkdirSync(group);
  } catch (error) {
    return { works: false, why: `no group can be made in it: ${(error as NodeJS.ErrnoException).code}` };
  }
  try {
    const lacking = ['cgroup.freeze', 'cgroup.kill', 'cgroup.events'].filter((name) => !existsSync(join(group, name)));
    if (lacking.length > 0) return { works: false, why: `it has no ${lacking.join(', ')}` };
    writeFileSync(join(group, 'cgroup.freeze'), '1');
    writeFileSync(join(group, 'cgroup.kill'), '1');
    return { works: true };
  } catch (error) {
    return { works: false, why: (error as Error).message };
  } finally {
    rmdirSync(group);
  }
}

/** @returns 0 where there is none, null where nobody can say */
export async function landlockVersion(): Promise<number | null> {
  const { exit, stdout } = await ran('perl', [PROBE, 'landlock']);
  return exit === 0 && /^\d+$/u.test(stdout) ? Number(stdout) : null;
}

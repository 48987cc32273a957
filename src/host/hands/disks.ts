import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { size } from '../../plan/describe.ts';
import { runToolLater } from '../processes/command.ts';
import type { Hand, Of } from './hand.ts';

/** An ext4 file system of a fixed size in a sparse file, mounted through a loop device: the one way to cap what an agent stores
 *  that needs no support from the file system below. */
export const disks: Hand<Of<'disk'>> = {
  observe(what) {
    const stored = statSync(what.image, { throwIfNoEntry: false })?.size;
    if (stored === undefined) return undefined;
    const bytes = grownFrom(what.image) ?? stored;
    return { kind: 'disk', image: what.image, path: what.path, bytes, ...(isMounted(what.path) ? {} : UNMOUNTED) };
  },
  async make(what) {
    if (!existsSync(what.image)) await format(what);
    await attach(what);
  },
  async change(what, was) {
    mustNotShrink(what, was);
    await attach(what);
    if (what.bytes > was.bytes) await grow(what, was);
  },
  async remove(what) {
    await detach(what);
    if (existsSync(what.path)) rmdirSync(what.path);
    for (const file of [what.image, `${what.image}.next`, growing(what.image)]) rmSync(file, { force: true });
  },
};

const UNMOUNTED = { unmounted: true } as const;

/** @throws Failure: what is stored might not fit any more */
export function mustNotShrink(what: Of<'disk'>, was: Of<'disk'>): void {
  if (what.bytes >= was.bytes) return;
  throw new Failure(
    'disk-shrinks',
    `${what.image} has ${size(was.bytes)} and cannot be made smaller (${size(what.bytes)}).`,
    'Leave limits.disk as it was, or let the agent go and hire it again.',
  );
}

/** The file is longer before the file system in it is: until both are done, a note beside it says from what size it grows. */
async function grow(what: Of<'disk'>, was: Of<'disk'>): Promise<void> {
  writeFileSync(growing(what.image), String(was.bytes), { mode: 0o600, flush: true });
  const fd = openSync(what.image, 'r+');
  ftruncateSync(fd, what.bytes);
  closeSync(fd);
  await runToolLater('losetup', ['--set-capacity', loopDevice(what.path)]);
  try {
    await runToolLater('resize2fs', [loopDevice(what.path)]);
  } catch (error) {
    // While it is mounted the kernel asks for CAP_SYS_RESOURCE, which root in a container may lack: then not while it is mounted.
    await growUnmounted(what, error as Error);
  }
  rmSync(growing(what.image));
}

async function growUnmounted(what: Of<'disk'>, why: Error): Promise<void> {
  await detach(what);
  if (isAttached(what.image)) {
    await mount(what);
    throw new Failure(
      'disk-busy',
      `${what.image} cannot grow while agents run here (${why.message}).`,
      'End them first: bulkhead down, then bulkhead up again.',
    );
  }
  await runToolLater('e2fsck', ['-f', '-p', what.image]);
  await runToolLater('resize2fs', [what.image]);
  await mount(what);
}

async function detach(what: Of<'disk'>): Promise<void> {
  while (isMounted(what.path)) await runToolLater('umount', [what.path]);
}

/** Whether a loop device still stands on it: some mount namespace holds the mount (loop(4); sysfs, backing_file). */
function isAttached(image: string): boolean {
  return readdirSync('/sys/block').some((name) => {
    const file = `/sys/block/${name}/loop/backing_file`;
    return existsSync(file) && readFileSync(file, 'utf8').trim() === image;
  });
}

function growing(image: string): string {
  return `${image}.growing`;
}

function grownFrom(image: string): number | undefined {
  return existsSync(growing(image)) ? Number(readFileSync(growing(image), 'utf8')) : undefined;
}

async function attach(what: Of<'disk'>): Promise<void> {
  mkdirSync(what.path, { recursive: true, mode: 0o711 });
  if (!isMounted(what.path)) await mount(what);
  chmodSync(what.path, 0o711);
}

async function format(what: Of<'disk'>): Promise<void> {
  const next = `${what.image}.next`;
  rmSync(next, { force: true });
  const fd = openSync(next, 'wx', 0o600);
  ftruncateSync(fd, what.bytes);
  closeSync(fd);
  // No root reserve, no lost+found surprises later: a new file system costs 40 ms and under 3 MB.
  await runToolLater('mkfs.ext4', ['-q', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', next]);
  renameSync(next, what.image);
}

async function mount(what: Of<'disk'>): Promise<void> {
  try {
    await runToolLater('mount', ['-o', 'loop,nosuid,nodev,noexec,noatime', what.image, what.path]);
  } catch (error) {
    throw error instanceof Failure
      ? new Failure(
          'no-disk',
          error.message,
          'Loop devices and ext4 are needed; bulkhead doctor shows what is missing.',
          3,
        )
      : error;
  }
}

interface MountLine {
  readonly at: string;
  readonly source: string;
}

function mounts(): MountLine[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({
      at: unescapeMount(line.split(' ')[4] ?? ''),
      source: line.split(' - ')[1]?.split(' ')[1] ?? '',
    }));
}

export function isMounted(path: string): boolean {
  return mounts().some((line) => line.at === path);
}

function loopDevice(path: string): string {
  return mounts().find((line) => line.at === path)?.source ?? '';
}

/** proc(5): space, tab, newline and backslash are octal in mountinfo. */
function unescapeMount(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}

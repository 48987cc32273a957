import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { removeTree } from '../files/mounts.ts';
import { runTool } from '../processes/command.ts';
import type { Hand, Of } from './hand.ts';

export const folders: Hand<Of<'folder'>> = {
  observe(what) {
    const stat = lstatSync(what.path, { throwIfNoEntry: false });
    if (!stat) return undefined;
    if (!stat.isDirectory())
      throw new Failure(
        'not-a-folder',
        `${what.path} is in the way: it is not a folder.`,
        'Move it away and run the command again.',
      );
    return { ...what, mode: octal(stat.mode), uid: stat.uid, gid: stat.gid };
  },
  make(what) {
    mkdirSync(what.path, { recursive: true, mode: 0o700 });
    folders.change?.(what, what);
  },
  change(what, was) {
    // A program's folder came to belong to another user (a state that was moved): so does what is in it.
    if (was.uid !== what.uid)
      runTool('chown', ['--recursive', '--no-dereference', `${what.uid}:${what.gid}`, what.path]);
    chownSync(what.path, what.uid, what.gid);
    chmodSync(what.path, Number.parseInt(what.mode, 8));
  },
  remove(what) {
    try {
      removeTree(what.path);
    } catch (error) {
      if (ON_DISK.test(what.path) && isReadOnly(error)) return; // it goes with its disk, which is taken away after it
      // Rootless, what an agent has closed to everybody is closed to us; it is the same user's, so it can be opened.
      if ((error as NodeJS.ErrnoException).code !== 'EACCES' || process.getuid?.() === 0) throw error;
      runTool('chmod', ['--recursive', 'u+rwX', what.path]);
      removeTree(what.path);
    }
  },
};

/** What lies on an agent's own disk: a file system that the kernel makes read-only when what it stands on was full (ext4(5), errors=). */
const ON_DISK = /\/agents\/[^/]+\/disk\/[^/]+$/;

/** Node removes folders by the C++ library, whose errors have no code of their own. */
function isReadOnly(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EROFS' || message.includes('Read-only file system');
}

export const files: Hand<Of<'file'>> = {
  observe(what) {
    const stat = lstatSync(what.path, { throwIfNoEntry: false });
    return stat?.isFile() ? { ...what, mode: octal(stat.mode), text: readFileSync(what.path, 'utf8') } : undefined;
  },
  make(what) {
    const next = `${what.path}.next`;
    rmSync(next, { force: true });
    writeFileSync(next, what.text, { mode: 0o600, flag: 'wx' });
    chmodSync(next, Number.parseInt(what.mode, 8));
    renameSync(next, what.path);
  },
  change(what) {
    files.make(what);
  },
  remove(what) {
    rmSync(what.path, { force: true });
  },
};

export const links: Hand<Of<'link'>> = {
  observe(what) {
    const stat = lstatSync(what.path, { throwIfNoEntry: false });
    if (!stat) return undefined;
    if (!stat.isSymbolicLink())
      throw new Failure(
        'in-the-way',
        `${what.path} is there and is not ours.`,
        'Move it away and run the command again.',
      );
    return { ...what, to: readlinkSync(what.path) };
  },
  make(what) {
    const next = `${what.path}.next`;
    rmSync(next, { force: true });
    symlinkSync(what.to, next);
    renameSync(next, what.path);
  },
  change(what) {
    links.make(what);
  },
  remove(what) {
    rmSync(what.path, { force: true });
  },
};

/** An empty folder in a folder of the operator's. It is taken away only while it is empty. */
export const held: Hand<Of<'held'>> = {
  observe(what) {
    const stat = lstatSync(what.path, { throwIfNoEntry: false });
    return stat?.isDirectory() ? what : undefined;
  },
  make(what) {
    mkdirSync(what.path, { recursive: true });
    // By its descriptor: an agent that runs in this folder could have put a link in its place by now.
    const fd = openSync(what.path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      if (fstatSync(fd).uid === process.getuid?.()) fchmodSync(fd, 0o555);
    } finally {
      closeSync(fd);
    }
  },
  remove(what) {
    // Somebody may have put a folder of their own in its place: theirs is not ours to take away, though it be empty.
    const stat = lstatSync(what.path, { throwIfNoEntry: false });
    if (stat === undefined || stat.uid !== process.getuid?.() || (stat.mode & 0o7777) !== 0o555) return;
    try {
      rmdirSync(what.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
    }
  },
};

function octal(mode: number): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, '0')}`;
}

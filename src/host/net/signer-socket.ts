import { chmodSync, chownSync, closeSync, constants, openSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { bind, errno, listen, socket } from '../libc.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const BACKLOG = 128;

/** A listening Unix socket at a path of any length, in place of one that was there, for one group alone (or, without one, for its
 *  owner): connecting needs write permission (unix(7)). The folder must be one that nobody else can write.
 *  @returns the descriptor, non-blocking and close-on-exec; the caller owns it */
export function listenFor(path: string, gid: number | undefined): number {
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    // struct sockaddr_un (unix(7)) has room for 107 bytes of path; by the folder's descriptor it is short.
    const short = `/proc/self/fd/${folder}/${basename(path)}`;
    rmSync(short, { force: true });
    const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new Error(`socket failed with errno ${errno()}`);
    try {
      const name = Buffer.from(short);
      const at = Buffer.alloc(110);
      at.writeUInt16LE(AF_UNIX, 0);
      name.copy(at, 2);
      if (bind(fd, at, at.length) < 0) throw new Error(`bind to ${path} failed with errno ${errno()}`);
      if (gid !== undefined) chownSync(short, 0, gid);
      chmodSync(short, gid === undefined ? 0o600 : 0o660);
      if (listen(fd, BACKLOG) < 0) throw new Error(`listen failed with errno ${errno()}`);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } finally {
    closeSync(folder);
  }
}

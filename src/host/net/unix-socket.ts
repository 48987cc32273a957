import { closeSync } from 'node:fs';
import { connect, errno, socket } from '../libc.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
/** struct sockaddr_un (unix(7)): two bytes of family, 108 of path. */
const LONGEST_PATH = 107;

/** A blocking connection to a Unix socket by name, for callers that read descriptors from it.
 *  @returns the descriptor, or the errno of connect(2) */
export function connectUnix(path: string): number | { errno: number } {
  const name = Buffer.from(path);
  if (name.length > LONGEST_PATH) throw new RangeError(`a socket's path has at most ${LONGEST_PATH} bytes`);
  const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new Error(`socket failed with errno ${errno()}`);
  const at = Buffer.alloc(110);
  at.writeUInt16LE(AF_UNIX, 0);
  name.copy(at, 2);
  if (connect(fd, at, at.length) === 0) return fd;
  const why = errno();
  closeSync(fd);
  return { errno: why };
}

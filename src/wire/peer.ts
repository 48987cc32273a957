import type { Socket } from 'node:net';
import { errno, getsockopt } from '../host/libc.ts';

/** Who is at the other end of a Unix socket, as the kernel says (unix(7), SO_PEERCRED: struct ucred of three 32-bit words). */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** Node keeps the descriptor of a socket in its handle; there is no public accessor. */
export function descriptorOf(socket: Socket): number {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) throw new Error('the socket has no descriptor');
  return fd;
}

export function peerOf(socket: Socket): Peer {
  const credentials = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeInt32LE(12, 0);
  if (getsockopt(descriptorOf(socket), SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0)
    throw new Error(`SO_PEERCRED failed with errno ${errno()}`);
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4), gid: credentials.readUInt32LE(8) };
}

import { Socket } from 'node:net';

/** What came of a command outside; `status` is undefined when it was lost. */
export interface OutsideEnd {
  readonly status?: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** There was more than is kept. */
  readonly truncated: boolean;
}

/** Of each of the two. */
export const MOST_OUTPUT: number = 1024 * 1024;
const HEAD = 4;

/** Reads frames (src/host/elevate/elevate.pl) to the end of a command; gives it no input. When whoever asked goes, so does the command.
 *  @param fd  its socket, ours from here on */
export function readOutside(fd: number, client: Socket): Promise<OutsideEnd> {
  const socket = new Socket({ fd, allowHalfOpen: true });
  const kept: { readonly [kind: number]: { readonly parts: Buffer[]; bytes: number } } = {
    1: { parts: [], bytes: 0 },
    2: { parts: [], bytes: 0 },
  };
  let truncated = false;
  let rest: Buffer = Buffer.alloc(0);
  let status: number | undefined;
  const take = (kind: number, bytes: Buffer): void => {
    const of = kept[kind];
    if (!of) return;
    const room = bytes.subarray(0, MOST_OUTPUT - of.bytes);
    truncated ||= room.length < bytes.length;
    if (room.length === 0) return;
    of.parts.push(Buffer.from(room));
    of.bytes += room.length;
  };
  const read = (chunk: Buffer): void => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD) {
      const length = rest.readUInt16LE(2);
      if (rest.length < HEAD + length) return;
      const kind = rest.readUInt8(0);
      if (kind === 0) status ??= rest.readUInt8(1);
      else take(kind, rest.subarray(HEAD, HEAD + length));
      rest = rest.subarray(HEAD + length);
    }
  };
  return new Promise((resolve) => {
    const leave = (): void => void socket.destroy();
    client.once('close', leave);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      read(chunk);
      if (status !== undefined) socket.destroy();
    });
    socket.once('end', leave);
    socket.once('close', () => {
      client.off('close', leave);
      const [stdout, stderr] = [1, 2].map((kind) => Buffer.concat(kept[kind]?.parts ?? []));
      const none = Buffer.alloc(0);
      resolve({ ...(status !== undefined && { status }), stdout: stdout ?? none, stderr: stderr ?? none, truncated });
    });
    socket.end();
  });
}

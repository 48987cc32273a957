import type { Socket } from 'node:net';
import { LIMITS } from './limits.ts';

export type First<T> =
  | { readonly kind: 'read'; readonly value: T; readonly bytes: Buffer }
  /** `silent`: nothing came in `silenceMs`. `late`: something came but not all of it. `ended`: the client finished or left. */
  | { readonly kind: 'silent' | 'late' | 'ended' };

/** Looks at the first bytes of a paused socket until `read` makes something of them. The socket is paused again afterwards and
 *  still holds all of them but those that `taken` says; `consume` takes away what was used. (They are put back at once: a stream
 *  whose last byte was taken says `end` on the next tick, paused or not, and takes nothing back after that.)
 *  @param read  undefined: more bytes are needed
 *  @param silenceMs  how long nothing at all may come; by default as long as the whole may take
 *  @param taken  how many bytes the caller has with the result, and not from the socket again */
export function firstBytes<T>(
  socket: Socket,
  read: (bytes: Buffer) => T | undefined,
  silenceMs: number = LIMITS.headMs,
  taken: (value: T, bytes: Buffer) => number = nothing,
): Promise<First<T>> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    let pieces = 0;
    const began = performance.now();
    let left = false;
    /** What came while this program stood still comes to it after the timers, and was in time. */
    const lateAfter = (ms: number, kind: 'silent' | 'late'): NodeJS.Timeout =>
      setTimeout(() => setImmediate(() => left || done({ kind })), ms);
    const leave = (): void => {
      left = true;
      clearTimeout(timer);
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      socket.pause();
    };
    const done = (result: First<T>): void => {
      leave();
      if (result.kind === 'read') {
        const rest = result.bytes.subarray(taken(result.value, result.bytes));
        if (rest.length > 0) socket.unshift(rest);
      }
      resolve(result);
    };
    const onEnd = (): void => done({ kind: 'ended' });
    const onData = (chunk: Buffer): void => {
      pieces += 1;
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      let value: T | undefined;
      try {
        value = read(bytes);
      } catch (bug) {
        leave();
        reject(bug); // to whoever serves this connection, which ends with it
        return;
      }
      if (value !== undefined) done({ kind: 'read', value, bytes });
      else if (pieces >= LIMITS.headPieces) done({ kind: 'late' });
      else if (pieces === 1) {
        clearTimeout(timer);
        timer = lateAfter(LIMITS.headMs - (performance.now() - began), 'late');
      }
    };
    let timer = lateAfter(silenceMs, 'silent');
    socket.on('data', onData).on('end', onEnd).on('close', onEnd);
    if (socket.destroyed || socket.readableEnded) onEnd();
    else socket.resume();
  });
}

function nothing(): number {
  return 0;
}

/** Takes away bytes that `firstBytes` has shown. */
export function consume(socket: Socket, length: number): void {
  if (length > 0 && socket.read(length) === null && !socket.destroyed)
    throw new Error('bytes that were shown are gone');
}

/** Ends a connection after its last bytes: what the client still sends is read and dropped for a moment, because closing with
 *  unread bytes would be a reset, which can overtake those last bytes. */
export function sayAndClose(socket: Socket, last: Buffer | string): void {
  if (socket.destroyed) return;
  if (last.length > 0) socket.end(last);
  else socket.end(); // an empty piece would be a write of its own
  linger(socket);
}

export function linger(socket: Socket): void {
  socket.on('data', () => {});
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LIMITS.lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

import type { Socket } from 'node:net';
import { LIMITS } from '../limits.ts';
import type { Passage } from './passage.ts';

/** Lets bytes pass both ways until both ends are done: a half-close is passed on, a reset becomes a reset. */
export function join(client: Socket, upstream: Socket, passage: Passage): void {
  tie(client, upstream, passage, LIMITS.idleMs);
  passage.flows(upstream);
  pass(client, upstream);
  pass(upstream, client);
}

/** One way, no faster than the slower end takes it. */
function pass(from: Socket, to: Socket): void {
  const over = (): void => {
    // Nothing is left that a half-close would keep open: closing sends the same FIN with less ado.
    if (to.readableEnded && to.writableLength === 0) to.destroy();
    else to.end();
  };
  from.on('data', (chunk: Buffer) => {
    // What the kernel took at once needs no waiting for.
    if (!to.write(chunk) && to.writableLength > 0) from.pause();
  });
  to.on('drain', () => from.resume());
  if (from.readableEnded) over();
  else from.once('end', over);
  if (!to.writableNeedDrain) from.resume();
}

/** When one end is gone, so is the other; when nothing moves for long, both. */
export function tie(client: Socket, upstream: Socket, passage: Passage, idleMs: number): void {
  upstream.setTimeout(idleMs, () => passage.end('idle'));
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    const gone = (failed: boolean): void => {
      if (failed || !one.readableEnded) other.resetAndDestroy();
      else other.destroySoon();
    };
    if (one.destroyed) gone(true);
    else one.once('close', gone);
  }
}

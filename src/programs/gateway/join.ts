import type { Socket } from 'node:net';
import { LIMITS } from './limits.ts';
import type { Passage } from './passage.ts';

/** Lets bytes pass both ways until both ends are done: a half-close is passed on, a reset becomes a reset. */
export function join(client: Socket, upstream: Socket, passage: Passage): void {
  tie(client, upstream, passage, LIMITS.idleMs);
  client.pipe(upstream);
  upstream.pipe(client);
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

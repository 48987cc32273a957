import { LIMITS } from '../limits.ts';
import type { Incoming } from './incoming.ts';

type Read = { readonly kind: 'more' } | { readonly kind: 'bad' } | { readonly kind: 'head'; readonly length: number };

/** The next head on a connection, whole; what follows it is left there.
 *  @param read  of `src/protocol`, given all that came so far
 *  @returns `none` when nothing at all came in time; `cut` when it began and did not come to its end in time, or in too many pieces */
export async function nextHead<R extends Read>(
  from: Incoming,
  read: (bytes: Buffer) => R,
): Promise<Exclude<R, { readonly kind: 'more' }> | { readonly kind: 'none' } | { readonly kind: 'cut' }> {
  let bytes: Buffer | undefined;
  let late = 0;
  for (let pieces = 0; pieces < LIMITS.headPieces; pieces++) {
    const chunk = from.taken() ?? (await from.next(pieces === 0 ? LIMITS.idleHttpMs : late - performance.now()));
    if (chunk === undefined) return { kind: bytes === undefined ? 'none' : 'cut' };
    bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
    const result = read(bytes);
    if (result.kind === 'more') {
      if (pieces === 0) late = performance.now() + LIMITS.headMs;
      continue;
    }
    if (result.kind === 'head') from.unread(bytes.subarray(result.length));
    return result as Exclude<R, { readonly kind: 'more' }>;
  }
  return { kind: 'cut' };
}

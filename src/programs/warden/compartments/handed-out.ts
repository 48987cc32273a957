import { closeSync } from 'node:fs';
import { type LaunchMode, launch } from '../../../host/launch/launch.ts';
import { SOCK_STREAM, socketPair } from '../../../host/pipes.ts';
import { Failure } from '../../../model/failure.ts';
import type { Order } from '../../../tiers/orders.ts';
import { receiveDescriptors } from '../../../wire/handover.ts';

/** What a launcher makes in a namespace that we cannot join, because we have several threads (setns(2)). The caller owns the descriptors.
 *  @returns none where nothing listens */
export async function handedOut(mode: LaunchMode, orders: readonly Order[]): Promise<number[]> {
  const pair = socketPair(SOCK_STREAM);
  try {
    const launcher = launch(mode, orders, ['ignore', 'ignore', 'pipe'], [pair.theirs]);
    const status = await ended(launcher, [0, NOTHING_LISTENS]);
    return status === 0 ? receiveDescriptors(pair.ours) : [];
  } finally {
    for (const fd of [pair.ours, pair.theirs]) closeSync(fd);
  }
}

const NOTHING_LISTENS = 3;

/** @returns its status, one of `fine` */
export function ended(launcher: ReturnType<typeof launch>, fine: readonly number[]): Promise<number> {
  let said = '';
  launcher.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-1000);
  });
  return new Promise((resolve, reject) => {
    launcher.once('close', (status) => {
      if (status !== null && fine.includes(status)) resolve(status);
      else
        reject(new Failure('launcher-failed', said.trim() || 'the launcher was ended', 'See: bulkhead logs warden', 1));
    });
    launcher.once('error', reject);
  });
}

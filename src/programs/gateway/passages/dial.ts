import { connect, type Socket } from 'node:net';
import type { Address } from '../../../protocol/address.ts';
import { LIMITS } from '../limits.ts';
import type { Passage } from './passage.ts';

const MOST_ADDRESSES = 4;

/** Each address in turn until one answers; all of them were judged together. */
export async function dialFirst(passage: Passage, addresses: readonly Address[]): Promise<Socket> {
  let last: unknown;
  for (const address of addresses.slice(0, MOST_ADDRESSES)) {
    try {
      return await dialOne(passage, address);
    } catch (error) {
      last = error;
    }
    passage.stands();
  }
  throw last ?? new Error('the name has no address');
}

function dialOne(passage: Passage, address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const upstream = connect({ host: address, port: passage.destination.port, allowHalfOpen: true, noDelay: true });
    passage.dialling(upstream, address);
    const timer = setTimeout(() => upstream.destroy(new Error('no answer in time')), LIMITS.dialMs);
    const failed = (error?: Error | boolean): void => {
      clearTimeout(timer);
      reject(error instanceof Error ? error : new Error('the attempt was ended'));
    };
    upstream.once('error', failed);
    upstream.once('close', failed);
    upstream.once('connect', () => {
      clearTimeout(timer);
      upstream.off('error', failed).off('close', failed);
      upstream.on('error', () => upstream.destroy());
      upstream.pause();
      passage.connected(upstream);
      resolve(upstream);
    });
  });
}

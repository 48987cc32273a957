import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Compartment } from '../compartment.ts';
import { contained } from '../contained.ts';
import type { Entry } from '../record/record.ts';

/** A service of ours by UDP. */
export interface Datagrams {
  /** Messages a second; what is beyond is dropped, and counted as this. */
  readonly most: number;
  readonly beyond: Entry;
  /** @returns undefined: no answer */
  answer(message: Buffer, from: RemoteInfo): Promise<Uint8Array | undefined>;
}

/** Serves it on a bound descriptor, which it owns from now on. */
export function serveDatagrams(
  compartment: Compartment,
  fd: number,
  family: 4 | 6,
  service: Datagrams,
): Promise<Socket> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  const contain = contained(compartment, undefined, () => {}); // that message has no answer
  let second = 0;
  let asked = 0;
  socket.on('message', (message, from) => {
    const now = Date.now();
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000);
      asked = 0;
    }
    asked += 1;
    if (asked > service.most) {
      void compartment.record(service.beyond, now); // it never rejects
      return;
    }
    contain(async () => {
      const answer = await service.answer(message, from);
      if (answer !== undefined && !closed) socket.send(answer, from.port, from.address, () => {}); // the asker may be gone
    })();
  });
  let closed = false;
  socket.once('close', () => {
    closed = true;
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ fd }, () => {
      socket.off('error', reject);
      socket.on('error', (error) => console.error(`${compartment.name}: a socket of its namespace: ${error.message}`));
      resolve(socket);
    });
  });
}

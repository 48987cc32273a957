import { createSocket, type Socket } from 'node:dgram';
import type { Compartment } from './compartment.ts';
import { contained } from './contained.ts';
import { answerDns } from './dns-answers.ts';
import { LIMITS } from './limits.ts';

/** Serves DNS on a bound descriptor, which it owns from now on. Past the limit questions are dropped, and counted. */
export function serveDnsOverUdp(compartment: Compartment, fd: number, family: 4 | 6): Promise<Socket> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  const contain = contained(compartment, undefined, () => {}); // that question has no answer
  let second = 0;
  let asked = 0;
  socket.on('message', (message, from) => {
    const now = Date.now();
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000);
      asked = 0;
    }
    asked += 1;
    if (asked > LIMITS.questions) {
      void compartment.record({ event: 'dns.refused', why: 'too many questions at once' }, now);
      return;
    }
    contain(async () => {
      const answer = await answerDns(compartment, message, now);
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
      socket.on('error', (error) => console.error(`${compartment.name}: DNS socket: ${error.message}`));
      resolve(socket);
    });
  });
}

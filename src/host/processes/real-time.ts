import { schedSetscheduler } from '../gate/libc-gate.ts';

/** sched_setscheduler(2): SCHED_FIFO at the lowest real-time priority, for the calling thread alone. Without it a busy machine keeps every exec
 *  waiting behind the agents that cause the load. Needs CAP_SYS_NICE; without it nothing changes. */
const SCHED_FIFO = 1;

export function realTime(): void {
  const lowest = Buffer.alloc(4);
  lowest.writeInt32LE(1, 0);
  schedSetscheduler(0, SCHED_FIFO, lowest);
}

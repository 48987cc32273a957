import { epollCreate, epollCtl, epollWait } from '../gate/libc-gate.ts';
import { errno } from '../libc.ts';

/** epoll_ctl(2), struct epoll_event: on x86-64 packed, 12 bytes with the data at 4; elsewhere 16 with the data at 8. */
const EVENT = process.arch === 'x64' ? 12 : 16;
const DATA_AT = process.arch === 'x64' ? 4 : 8;
const EPOLLIN = 1;
const EPOLLHUP = 16;
const EPOLLET = 0x8000_0000;
const [ADD, DELETE] = [1, 2];
const CLOEXEC = 0o2000000;
const AT_ONCE = 64;

/** Waits for many descriptors at once, in a thread without an event loop. */
export class Epoll {
  /** Readable itself when one of them is: one can be watched by another. */
  readonly fd: number = epollCreate(CLOEXEC);
  readonly #events: Buffer = Buffer.alloc(EVENT * AT_ONCE);

  /** @param how  `once`: told when it becomes readable, not for as long as it is. @throws Error */
  add(fd: number, how: 'level' | 'once' = 'level'): void {
    const event = Buffer.alloc(EVENT);
    event.writeUInt32LE((how === 'once' ? EPOLLIN | EPOLLET : EPOLLIN) >>> 0, 0);
    event.writeInt32LE(fd, DATA_AT);
    if (epollCtl(this.fd, ADD, fd, event) !== 0) throw new Error(`epoll_ctl failed with errno ${errno()}`);
  }

  remove(fd: number): void {
    epollCtl(this.fd, DELETE, fd, this.#events);
  }

  /** Calls for each that has something, at most 64 at once. `over`: nothing more will come. @param ms  to wait for the first */
  wait(ms: number, each: (fd: number, readable: boolean, over: boolean) => void): void {
    const count = epollWait(this.fd, this.#events, AT_ONCE, ms);
    for (let i = 0; i < count; i++) {
      const what = this.#events.readUInt32LE(i * EVENT);
      const fd = this.#events.readInt32LE(i * EVENT + DATA_AT);
      each(fd, (what & EPOLLIN) !== 0, (what & EPOLLHUP) !== 0);
    }
  }
}

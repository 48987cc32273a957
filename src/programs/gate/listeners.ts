import { closeSync } from 'node:fs';
import { errno } from '../../host/libc.ts';
import { epollCreate, epollCtl, epollWait, read } from '../../host/libc-gate.ts';
import { receive, wakeHere } from '../../host/seccomp-notify.ts';
import { receiveWord } from '../../wire/handover.ts';
import type { Answers } from './answers.ts';
import type { Endings } from './endings.ts';
import type { Flight } from './flight.ts';
import type { FromHot, ListenerFacts } from './messages.ts';
import type { Times } from './times.ts';

/** epoll_ctl(2), struct epoll_event: on x86-64 packed, 12 bytes with the data at 4; elsewhere 16 with the data at 8. */
const EVENT = process.arch === 'x64' ? 12 : 16;
const DATA_AT = process.arch === 'x64' ? 4 : 8;
const EPOLLIN = 1;
const EPOLLHUP = 16;
const ADD = 1;
const DELETE = 2;
const AT_ONCE = 64;
/** How often it is looked whether those who wait for a person are still there. */
const LOOK_MS = 500;

/** All listeners of all agents. One question of each is taken in a turn: who asks much waits behind those who ask little. */
export class Listeners {
  readonly #epoll: number = epollCreate(0o2000000);
  readonly #events: Buffer = Buffer.alloc(EVENT * AT_ONCE);
  readonly #launchers: number;
  readonly #wake: number;
  readonly #flight: Flight;
  readonly #answers: Answers;
  readonly #endings: Endings;
  readonly #times: Times;
  readonly #tell: (message: FromHot) => void;
  readonly #byFd = new Map<number, ListenerFacts>();
  #parked: number[] = [];
  #next = 1;
  #looked = 0;

  constructor(
    { launchers, wake }: { readonly launchers: number; readonly wake: number },
    flight: Flight,
    { answers, endings, times }: { readonly answers: Answers; readonly endings: Endings; readonly times: Times },
    tell: (message: FromHot) => void,
  ) {
    this.#launchers = launchers;
    this.#wake = wake;
    this.#flight = flight;
    this.#answers = answers;
    this.#endings = endings;
    this.#times = times;
    this.#tell = tell;
    this.#watch(wake);
  }

  /** A listener that an earlier gate had. */
  add(facts: ListenerFacts): void {
    this.#byFd.set(facts.fd, facts);
    this.#next = Math.max(this.#next, facts.number + 1);
    this.#watch(facts.fd);
  }

  /** Once all earlier listeners are here: answers what was in flight, and takes new ones. */
  resume(): void {
    const byNumber = new Map([...this.#byFd.values()].map((facts) => [facts.number, facts]));
    for (const { place, listener } of this.#flight.left()) {
      const facts = byNumber.get(listener);
      if (facts && this.#flight.at(place).readBigUInt64LE(0) !== 0n) this.#answers.judge(place, facts);
      else this.#flight.release(place);
    }
    this.#endings.resume();
    this.#watch(this.#endings.fd);
    this.#watch(this.#launchers);
  }

  /** Waits for what comes next and answers it. */
  turn(take: () => void): void {
    const count = epollWait(this.#epoll, this.#events, AT_ONCE, LOOK_MS);
    for (let i = 0; i < count; i++) {
      const what = this.#events.readUInt32LE(i * EVENT);
      const fd = this.#events.readInt32LE(i * EVENT + DATA_AT);
      if (fd === this.#wake) {
        read(this.#wake, Buffer.alloc(8), 8);
        take();
        this.#unpark();
      } else if (fd === this.#launchers) this.#arrived();
      else if (fd === this.#endings.fd) this.#endings.look();
      else this.#question(fd, what);
    }
    if (performance.now() - this.#looked < LOOK_MS) return;
    this.#looked = performance.now();
    this.#answers.look();
    this.#unpark();
  }

  #unpark(): void {
    for (const fd of this.#parked.splice(0)) this.#watch(fd);
  }

  #question(fd: number, what: number): void {
    const facts = this.#byFd.get(fd);
    if (facts === undefined) return;
    if ((what & EPOLLIN) === 0) {
      if ((what & EPOLLHUP) !== 0) this.#gone(facts);
      return;
    }
    if (!this.#answers.mayTake(facts.agent)) {
      epollCtl(this.#epoll, DELETE, fd, this.#events); // it is looked at again when there may be room
      this.#parked.push(fd);
      return;
    }
    const place = this.#flight.take(facts.number);
    if (!receive(fd, this.#flight.at(place))) {
      this.#flight.release(place);
      return;
    }
    const begun = performance.now();
    this.#answers.judge(place, facts);
    this.#times.add(performance.now() - begun);
  }

  /** The last process with this filter has ended. The other thread closes it: it may not have given it to the warden yet. */
  #gone(facts: ListenerFacts): void {
    epollCtl(this.#epoll, DELETE, facts.fd, this.#events);
    this.#byFd.delete(facts.fd);
    this.#tell({ tell: 'gone', number: facts.number, fd: facts.fd });
  }

  /** A launcher confined itself: "AGENT DEVICE INODE MODE" and the listener. */
  #arrived(): void {
    const { word, descriptors } = receiveWord(this.#launchers);
    const [fd, ...more] = descriptors;
    for (const one of more) closeSync(one);
    const [agent = '', device = '', inode = '', mode = ''] = word.split(' ');
    if (fd === undefined) return;
    const facts = { number: this.#next++, fd, agent, device, inode, asks: mode === 'enter' };
    this.#tell({ tell: 'listener', ...facts });
    wakeHere(fd);
    this.#byFd.set(fd, facts);
    this.#watch(fd);
  }

  #watch(fd: number): void {
    const event = Buffer.alloc(EVENT);
    event.writeUInt32LE(EPOLLIN, 0);
    event.writeInt32LE(fd, DATA_AT);
    if (epollCtl(this.#epoll, ADD, fd, event) !== 0) throw new Error(`epoll_ctl failed with errno ${errno()}`);
  }
}

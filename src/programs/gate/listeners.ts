import { closeSync } from 'node:fs';
import { read } from '../../host/gate/libc-gate.ts';
import { receive, wakeHere } from '../../host/gate/seccomp-notify.ts';
import { Epoll } from '../../host/processes/epoll.ts';
import { receiveWord } from '../../wire/handover.ts';
import type { Answers } from './answers.ts';
import type { Endings } from './endings.ts';
import type { Flight } from './flight.ts';
import type { FromHot, ListenerFacts } from './messages.ts';
import type { Times } from './times.ts';

/** A long question (src/programs/gate/asker.ts) that takes more costs its agent a rest of so many times as long: megabytes of arguments are read and
 *  compared in the thread that answers everybody. Others are as quick as the machine, which is not the agent's doing. */
const LONG_MS = 2;
const REST_TIMES = 8;
/** How often it is looked whether whoever rests, or has too much waiting, may go on. */
const PARKED_MS = 5;
/** How often it is looked whether those who wait for a person are still there. */
const LOOK_MS = 500;

/** All listeners of all agents. One question of each is taken in a turn: who asks much waits behind those who ask little. */
export class Listeners {
  readonly #epoll: Epoll = new Epoll();
  readonly #launchers: number;
  readonly #wake: number;
  readonly #count: Buffer = Buffer.alloc(8);
  readonly #flight: Flight;
  readonly #answers: Answers;
  readonly #endings: Endings;
  readonly #times: Times;
  readonly #tell: (message: FromHot) => void;
  readonly #byFd = new Map<number, ListenerFacts>();
  #parked: number[] = [];
  #unparked = 0;
  /** By agent: until when. */
  readonly #rests = new Map<string, number>();
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
    this.#epoll.add(wake);
  }

  /** A listener that an earlier gate had. */
  add(facts: ListenerFacts): void {
    this.#byFd.set(facts.fd, facts);
    this.#next = Math.max(this.#next, facts.number + 1);
    this.#epoll.add(facts.fd);
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
    this.#epoll.add(this.#endings.fd);
    this.#epoll.add(this.#launchers);
  }

  /** Waits for what comes next and answers it. */
  turn(take: () => void): void {
    this.#epoll.wait(this.#parked.length > 0 ? PARKED_MS : LOOK_MS, (fd, readable, over) => {
      if (fd === this.#wake) {
        read(this.#wake, this.#count, 8);
        take();
        this.#unpark();
      } else if (fd === this.#launchers) this.#arrived();
      else if (fd === this.#endings.fd) this.#endings.look();
      else this.#question(fd, readable, over);
    });
    const now = performance.now();
    if (this.#parked.length > 0 && now - this.#unparked > PARKED_MS) this.#unpark();
    if (now - this.#looked < LOOK_MS) return;
    this.#looked = now;
    this.#answers.look();
  }

  #unpark(): void {
    this.#unparked = performance.now();
    for (const fd of this.#parked.splice(0)) this.#epoll.add(fd);
  }

  #question(fd: number, readable: boolean, over: boolean): void {
    const facts = this.#byFd.get(fd);
    if (facts === undefined) return;
    if (!readable) {
      if (over) this.#gone(facts);
      return;
    }
    if (this.#resting(facts.agent) || !this.#answers.mayTake(facts.agent)) {
      this.#epoll.remove(fd); // it is looked at again when there may be room
      this.#parked.push(fd);
      return;
    }
    const place = this.#flight.take(facts.number);
    if (!receive(fd, this.#flight.at(place))) {
      this.#flight.release(place);
      return;
    }
    const begun = performance.now();
    const long = this.#answers.judge(place, facts);
    const took = performance.now() - begun;
    this.#times.add(took);
    if (long && took > LONG_MS) this.#rests.set(facts.agent, begun + took + REST_TIMES * took);
  }

  #resting(agent: string): boolean {
    if (this.#rests.size === 0) return false;
    const until = this.#rests.get(agent);
    if (until === undefined) return false;
    if (performance.now() < until) return true;
    this.#rests.delete(agent);
    return false;
  }

  /** The last process with this filter has ended. The other thread closes it: it may not have given it to the warden yet. */
  #gone(facts: ListenerFacts): void {
    this.#epoll.remove(facts.fd);
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
    this.#epoll.add(fd);
  }
}

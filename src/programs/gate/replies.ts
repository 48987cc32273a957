import { closeSync, openSync } from 'node:fs';
import { letGo, put, refuse } from '../../host/gate/seccomp-notify.ts';
import { ASK_AGAIN, OUTSIDE } from '../../tiers/stub/instruction.ts';
import type { Endings } from './endings.ts';
import type { Held, Holding } from './held.ts';
import type { Journal } from './journal.ts';
import type { Opened } from './messages.ts';
import type { OwnStubs } from './own-stubs.ts';
import { refuseSaying } from './refusal.ts';

const ENOENT = 2;
const EBADF = 9;

/** What a stub is answered. Each is on record before it has an effect. */
export class Replies {
  readonly #holding: Holding;
  readonly #journal: Journal;
  readonly #endings: Endings;
  readonly #own: OwnStubs;

  constructor(holding: Holding, journal: Journal, endings: Endings, own: OwnStubs) {
    this.#holding = holding;
    this.#journal = journal;
    this.#endings = endings;
    this.#own = own;
  }

  /** The copy takes the stub's place. @param path  of the original
   *  @param record  says that it is allowed
   *  @param approval  the rule under which its end is written down */
  start(held: Held, { pin, fd }: Opened, path: string, record: object, approval?: string): void {
    const { facts, id } = held;
    let own: number | undefined;
    try {
      // A script is read by its interpreter, each from a beginning of its own. A program need not even be readable for us.
      if (pin.script) own = openSync(`/proc/self/fd/${fd}`, 'r');
    } catch (error) {
      const why = `the program is not there any more (${(error as Error).message})`;
      this.deny(held, `bulkhead: ${why}`, { ...record, event: 'exec.denied', why });
      return;
    }
    const pid = this.#holding.pid(held);
    const handle = approval === undefined ? undefined : this.#endings.open(pid);
    const failed = put(facts.fd, id, own ?? fd, held.at, pin.script); // who still waits is who was opened
    if (own !== undefined) closeSync(own);
    if (failed !== 0) {
      if (handle !== undefined) closeSync(handle);
      refuse(facts.fd, id, failed === EBADF ? EBADF : ENOENT);
      this.#holding.settle(held);
      return;
    }
    const unwatched = approval !== undefined && handle === undefined;
    const of = this.#journal.write(unwatched ? { ...record, end: 'not watched' } : record);
    if (handle !== undefined && approval !== undefined)
      this.#endings.begin(handle, { agent: facts.agent, path, pid, rule: approval, of });
    letGo(facts.fd, id);
    this.#own.forget(pid);
    this.#holding.settle(held);
  }

  /** From here on the stub passes the bytes of what runs outside (src/tiers/stub), and no call of it waits for us. */
  connect(held: Held, socket: number): void {
    const { facts, id } = held;
    const failed = put(facts.fd, id, socket, held.at, false);
    closeSync(socket);
    refuse(facts.fd, id, failed === 0 ? OUTSIDE : failed);
    this.#holding.settle(held);
  }

  /** The line goes to the stub's standard error, and the stub ends with 126.
   *  @param record  none where the refusal is one of a flood that is on record */
  deny(held: Held, line: string, record: object | undefined): void {
    const { facts, id } = held;
    if (record) this.#journal.write(record);
    refuseSaying(facts.fd, id, held.at, line);
    this.#own.forget(this.#holding.pid(held));
    this.#holding.settle(held);
  }

  askAgain(held: Held): void {
    refuse(held.facts.fd, held.id, ASK_AGAIN);
    this.#holding.settle(held);
  }
}

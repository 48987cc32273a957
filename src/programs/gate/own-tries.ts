import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../wire/client.ts';
import { runsStub } from './asker.ts';
import type { Copies } from './copies.ts';
import type { Asker, OwnTry, Pin, ToHot } from './messages.ts';

/** Of one agent, each of at most 128 MiB (src/programs/warden/gate/own-covers.ts): the copies are on the host's disk. */
const MOST_AT_ONCE = 8;
/** An exec that has not become the stub by then did not find it. */
const THROUGH_WITHIN_MS = 3000;
const LOOK_MS = 2;

interface Covered {
  readonly ticket?: number;
  readonly name?: string;
  readonly made?: boolean;
  readonly file?: string;
  readonly allowed?: true;
  readonly why?: string;
}

/** `exec.own: ask`, and tier `user`: whoever executes a file of the agent's workspace, or one of the host's that is on no list, waits in that call until the stub stands over the file; the exec goes
 *  on, finds the stub, and that asks. One at a time of each agent, as the file cannot be read meanwhile. */
export class OwnTries {
  readonly #warden: Client;
  readonly #copies: Copies;
  readonly #say: (message: ToHot) => void;
  readonly #turns = new Map<string, Promise<void>>();
  readonly #asked = new Map<number, () => void>();
  /** Whose copy waits, by ticket. */
  readonly #kept = new Map<number, string>();

  constructor(warden: Client, copies: Copies, say: (message: ToHot) => void) {
    this.#warden = warden;
    this.#copies = copies;
    this.#say = say;
  }

  tried(tried: OwnTry): void {
    const before = this.#turns.get(tried.agent) ?? Promise.resolve();
    const mine = before.then(() => this.#cover(tried));
    this.#turns.set(tried.agent, mine);
    void mine.finally(() => this.#turns.get(tried.agent) === mine && this.#turns.delete(tried.agent));
  }

  asked(ticket: number): void {
    this.#asked.get(ticket)?.();
  }

  /** Nobody waits with its copy any more. */
  forget(ticket: number): void {
    this.asked(ticket);
    this.#kept.delete(ticket);
    this.#copies.release(`own ${ticket}`);
  }

  async #cover({ agent, place, id, pid, since, stub, base, path }: OwnTry): Promise<void> {
    const asker: Asker = { place, id };
    let covered: Covered = { why: `${MOST_AT_ONCE} others of it wait already` };
    const waiting = [...this.#kept.values()].filter((one) => one === agent).length;
    try {
      if (waiting < MOST_AT_ONCE)
        covered = (await this.#warden.call('own.cover', { agent, pid, since, base, path })) as Covered;
    } catch (error) {
      covered = { why: (error as Error).message };
      this.#say({ do: 'record', record: { event: 'exec.unreadable', agent, path, why: covered.why } });
    }
    const { ticket, name, file, made = false, why } = covered;
    const first = ticket === undefined ? undefined : firstThread(pid);
    if (ticket === undefined || name === undefined || file === undefined || first === undefined) {
      this.#say({ do: 'go', ...asker, ...(why !== undefined && { left: why }) });
      if (ticket !== undefined) await this.#uncover(ticket);
      return;
    }
    let pin: Pin;
    try {
      pin = await this.#copies.own(file, `own ${ticket}`);
    } catch (error) {
      const { message } = error as Error;
      this.#say({ do: 'record', record: { event: 'exec.unreadable', agent, path, why: message } });
      await this.#uncover(ticket);
      this.#say({ do: 'go', ...asker, left: message });
      return;
    }
    this.#kept.set(ticket, agent);
    let asked = false;
    this.#asked.set(ticket, () => {
      asked = true;
    });
    this.#say({ do: 'go', own: { pid: first, ticket, name, pin, made }, ...asker });
    // Not until it asks: an agent that is paused asks when it is resumed, and those behind it would wait in a call that cannot be frozen.
    const through = (): boolean => asked || runsStub(first, stub);
    for (const late = Date.now() + THROUGH_WITHIN_MS; !through() && firstThread(first) && Date.now() < late; )
      await sleep(LOOK_MS);
    if (!through()) this.forget(ticket);
    this.#asked.delete(ticket);
    await this.#uncover(ticket);
  }

  async #uncover(ticket: number): Promise<void> {
    await this.#warden.call('own.uncover', { ticket }).catch(() => {}); // without a warden there is no gate either
  }
}

/** An exec makes any thread the first one, under its number. */
function firstThread(pid: number): number | undefined {
  try {
    return Number(/^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    return undefined; // it was killed
  }
}

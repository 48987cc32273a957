import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { errno } from '../../host/libc.ts';
import { epollCreate, epollCtl, epollWait } from '../../host/libc-gate.ts';
import { beganAt, type HowEnded, howEnded, openProcess } from '../../host/pidfd.ts';
import type { Journal } from './journal.ts';

/** epoll_ctl(2), as in listeners.ts. A process that ended and was not waited for yet stays readable: told once (EPOLLET). */
const EVENT = process.arch === 'x64' ? 12 : 16;
const DATA_AT = process.arch === 'x64' ? 4 : 8;
const EPOLLIN = 1;
const EPOLLET = 0x8000_0000;
const ADD = 1;
const CLOEXEC = 0o2000000;
/** So many at once, of all agents. */
const MOST = 1024;
const SLOT = 512;

/** A program that was approved and runs, as the next gate must know it. */
interface Running {
  readonly pid: number;
  readonly began: string;
  readonly agent: string;
  readonly rule: string;
  /** The number of the line that says it was started. */
  readonly of: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Watches what was approved until it ends. We are nobody's parent: a handle of the process becomes readable. Who is watched is
 *  also in a file (slots of 512 bytes), so that the next gate goes on; for those who end while there is no gate it says that nobody knows. */
export class Endings {
  /** Readable when somebody has ended. */
  readonly fd: number = epollCreate(CLOEXEC);
  readonly #file: number;
  readonly #journal: Journal;
  readonly #events: Buffer = Buffer.alloc(EVENT * 64);
  readonly #running = new Map<number, { readonly who: Running; readonly slot: number }>();
  readonly #free: number[] = Array.from({ length: MOST }, (_, i) => MOST - 1 - i);

  /** @param file  of an earlier gate, or empty */
  constructor(file: number, journal: Journal) {
    this.#file = file;
    this.#journal = journal;
  }

  /** What an earlier gate watched. */
  resume(): void {
    const left = Array.from({ length: Math.floor(fstatSync(this.#file).size / SLOT) }, (_, i) => this.#read(i));
    ftruncateSync(this.#file, 0);
    for (const who of left) {
      if (who === undefined) continue;
      const handle = openProcess(who.pid);
      if (handle !== undefined && beganAt(who.pid) === who.began && this.#add(handle, who)) continue;
      if (handle !== undefined) closeSync(handle);
      this.#write(who, undefined, 'it ended while there was no gate to see it');
    }
  }

  /** Before it goes on, while it certainly is who it is. @returns what `begin` wants */
  open(pid: number): number | undefined {
    return this.#free.length > 0 ? openProcess(pid) : undefined;
  }

  begin(handle: number, who: Omit<Running, 'began' | 'at'>): void {
    const began = beganAt(who.pid);
    if (began === undefined || !this.#add(handle, { ...who, began, at: Date.now() })) closeSync(handle);
  }

  /** Writes down who has ended. */
  look(): void {
    const count = epollWait(this.fd, this.#events, 64, 0);
    for (let i = 0; i < count; i++) {
      const handle = this.#events.readInt32LE(i * EVENT + DATA_AT);
      const found = this.#running.get(handle);
      const how = found && howEnded(handle, found.who.pid);
      if (found === undefined || how === 'not yet') continue;
      this.#running.delete(handle);
      closeSync(handle);
      writeSync(this.#file, Buffer.alloc(SLOT), 0, SLOT, found.slot * SLOT);
      this.#free.push(found.slot);
      this.#write(found.who, how, 'its parent was faster, and this kernel (before 6.15) keeps no status');
    }
  }

  #add(handle: number, who: Running): boolean {
    const slot = this.#free.pop();
    if (slot === undefined) return false;
    const line = Buffer.alloc(SLOT);
    line.write(JSON.stringify(who));
    writeSync(this.#file, line, 0, SLOT, slot * SLOT);
    this.#running.set(handle, { who, slot });
    const event = Buffer.alloc(EVENT);
    event.writeUInt32LE((EPOLLIN | EPOLLET) >>> 0, 0);
    event.writeInt32LE(handle, DATA_AT);
    if (epollCtl(this.fd, ADD, handle, event) !== 0) throw new Error(`epoll_ctl failed with errno ${errno()}`);
    return true;
  }

  #read(slot: number): Running | undefined {
    const line = Buffer.alloc(SLOT);
    readSync(this.#file, line, 0, SLOT, slot * SLOT);
    return line[0] === 0 ? undefined : (JSON.parse(line.toString('utf8', 0, line.indexOf(0))) as Running);
  }

  #write({ agent, rule, pid, of, at }: Running, how: HowEnded | undefined, why: string): void {
    const ended = how ?? { status: 'unknown', why };
    this.#journal.write({ event: 'exec.ended', agent, rule, pid, of, ...ended, ms: Date.now() - at });
  }
}

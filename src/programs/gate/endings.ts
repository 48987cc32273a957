import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { Epoll } from '../../host/processes/epoll.ts';
import { openProcess } from '../../host/processes/pidfd.ts';
import { type HowEnded, howEnded } from '../../host/processes/process-end.ts';
import { startTime } from '../../host/processes/process-stat.ts';
import type { Journal } from './journal.ts';

/** So many at once, of all agents. */
const MOST = 1024;
/** More than a line needs whose path is of bytes that JSON writes as six. */
const SLOT = 2048;
const LONGEST_PATH = 200;

/** A program that was approved and runs, as the next gate must know it. */
interface Running {
  readonly pid: number;
  readonly began: string;
  readonly agent: string;
  readonly rule: string;
  /** Its beginning. */
  readonly path: string;
  /** The number of the line that says it was started. */
  readonly of: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Watches what was approved until it ends. We are nobody's parent: a handle of the process becomes readable. Who is watched is
 *  also in a file (a slot each), so that the next gate goes on; for those who end while there is no gate it says that nobody knows. */
export class Endings {
  readonly #epoll: Epoll = new Epoll();
  readonly #file: number;
  readonly #journal: Journal;
  readonly #running = new Map<number, { readonly who: Running; readonly slot: number }>();
  #free: number[] = Array.from({ length: MOST }, (_, i) => MOST - 1 - i);

  /** @param file  of an earlier gate, or empty */
  constructor(file: number, journal: Journal) {
    this.#file = file;
    this.#journal = journal;
  }

  /** Readable when somebody has ended. */
  get fd(): number {
    return this.#epoll.fd;
  }

  /** What an earlier gate watched. Each stays in its slot until its end is written: a gate that is killed over this has forgotten nobody. */
  resume(): void {
    for (let slot = 0; slot < fstatSync(this.#file).size / SLOT; slot++) {
      const who = this.#read(slot);
      if (who === undefined) continue;
      const handle = openProcess(who.pid);
      if (handle !== undefined && startTime(who.pid) === who.began) {
        this.#free = this.#free.filter((one) => one !== slot);
        this.#watch(handle, who, slot);
        continue;
      }
      if (handle !== undefined) closeSync(handle);
      this.#write(who, undefined, 'it ended while there was no gate to see it');
      this.#clear(slot);
    }
  }

  /** Before it goes on, while it certainly is who it is. @returns what `begin` wants */
  open(pid: number): number | undefined {
    return this.#free.length > 0 ? openProcess(pid) : undefined;
  }

  begin(handle: number, who: Omit<Running, 'began' | 'at'>): void {
    const began = startTime(who.pid);
    if (began === undefined || !this.#add(handle, { ...who, began, at: Date.now() })) closeSync(handle);
  }

  /** Writes down who has ended. */
  look(): void {
    this.#epoll.wait(0, (handle) => {
      const found = this.#running.get(handle);
      const how = found && howEnded(handle, found.who.pid);
      if (found === undefined || how === 'not yet') return;
      this.#running.delete(handle);
      closeSync(handle);
      this.#write(found.who, how, 'its parent was faster, and this kernel (before 6.15) keeps no status');
      this.#clear(found.slot);
      this.#free.push(found.slot);
    });
  }

  #add(handle: number, who: Running): boolean {
    const slot = this.#free.pop();
    if (slot === undefined) return false;
    const line = Buffer.alloc(SLOT);
    line.write(JSON.stringify({ ...who, path: who.path.slice(0, LONGEST_PATH) }));
    writeSync(this.#file, line, 0, SLOT, slot * SLOT);
    this.#watch(handle, who, slot);
    return true;
  }

  #watch(handle: number, who: Running, slot: number): void {
    this.#running.set(handle, { who, slot });
    this.#epoll.add(handle, 'once'); // it stays readable while nobody has waited for it
  }

  #clear(slot: number): void {
    writeSync(this.#file, Buffer.alloc(SLOT), 0, SLOT, slot * SLOT);
  }

  #read(slot: number): Running | undefined {
    const line = Buffer.alloc(SLOT);
    readSync(this.#file, line, 0, SLOT, slot * SLOT);
    return line[0] === 0 ? undefined : (JSON.parse(line.toString('utf8', 0, line.indexOf(0))) as Running);
  }

  #write({ agent, rule, path, pid, of, at }: Running, how: HowEnded | undefined, why: string): void {
    const ended = how ?? { status: 'unknown', why };
    this.#journal.write({ event: 'exec.ended', agent, path, rule, pid, of, ...ended, ms: Date.now() - at });
  }
}

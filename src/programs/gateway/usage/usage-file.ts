import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { replaceFile } from '../../../host/files/replace-file.ts';
import type { AgentName } from '../../../model/names.ts';
import { type DayUsage, dayUsage } from '../../../policy/meter/day.ts';

const MOST_DAYS = 400;
/** Longer than this it is written anew. */
const LONGEST = 1024 * 1024;

/** What one agent has used, day by day. One line for each change, a whole day, the last of a day holds: what is written survives the death of
 *  this program at any moment (write(2) has returned), though not a loss of power. A line that was cut is none. */
export class UsageFile {
  readonly #path: string;
  readonly #days = new Map<string, DayUsage>();
  #fd: number | undefined;
  #length = 0;

  constructor(dir: string, agent: AgentName) {
    this.#path = join(dir, 'usage', `${agent}.jsonl`);
    if (!existsSync(this.#path)) return;
    for (const line of readFileSync(this.#path, 'utf8').split('\n')) {
      const day = read(line);
      if (day) this.#hold(day);
    }
  }

  day(day: string): DayUsage | undefined {
    return this.#days.get(day);
  }

  /** Oldest first. */
  days(): DayUsage[] {
    return [...this.#days.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
  }

  /** @throws Error when it could not be written; it is held all the same */
  put(day: DayUsage): void {
    this.#hold(day);
    const fd = this.#open();
    const bytes = Buffer.from(`${JSON.stringify(day)}\n`);
    if (writeSync(fd, bytes) !== bytes.length) {
      this.#close(); // the next begins a new line
      throw new Error('the disk is full');
    }
    this.#length += bytes.length;
  }

  #hold(day: DayUsage): void {
    this.#days.set(day.day, day);
    if (this.#days.size <= MOST_DAYS) return;
    const [oldest] = this.days();
    if (oldest) this.#days.delete(oldest.day);
  }

  #open(): number {
    if (this.#fd !== undefined && this.#length < LONGEST) return this.#fd;
    this.#close();
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const all = this.days()
      .map((day) => `${JSON.stringify(day)}\n`)
      .join('');
    replaceFile(this.#path, all);
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#length = 0;
    return this.#fd;
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function read(line: string): DayUsage | undefined {
  try {
    return dayUsage(JSON.parse(line));
  } catch {
    return undefined;
  }
}

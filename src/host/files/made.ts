import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../../model/failure.ts';
import { identity, type Resource } from '../../plan/resource.ts';
import type { Step } from '../../plan/step.ts';
import { replaceFile, syncFolder } from './replace-file.ts';

/** The journal of what was made, one JSON line per beginning and end of a step, on disk before the step is done. After a crash
 *  at any point it names everything that may be there: what was begun counts as made, what was not surely removed as well. */
interface Line {
  readonly at: 'begin' | 'end';
  readonly step: Step;
}

export class Made {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Everything that may be on the machine because of us, in the order it was made. */
  list(): Resource[] {
    const there = new Map<string, Resource>();
    for (const { at, step } of this.#lines()) {
      const key = identity(step.what);
      if (step.do === 'remove') {
        if (at === 'end') there.delete(key);
      } else if (at === 'begin') {
        if (step.do === 'make') there.delete(key); // made anew: it now stands behind what it needs
        there.set(key, step.what);
      }
    }
    return [...there.values()];
  }

  begin(step: Step): void {
    this.#append({ at: 'begin', step });
  }

  end(step: Step): void {
    this.#append({ at: 'end', step });
  }

  /** Rewrites the journal to what is there now. Either the old file or the new one is in place at any moment. */
  compact(): void {
    const text = this.list()
      .map((what) => line({ at: 'begin', step: { do: 'make', what } }))
      .join('');
    replaceFile(this.#path, text);
  }

  #append(entry: Line): void {
    const isNew = !existsSync(this.#path);
    const fd = openSync(this.#path, isNew ? 'wx+' : 'r+', 0o600);
    try {
      const whole = wholeLines(fd);
      const bytes = Buffer.from(line(entry));
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, whole + done);
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (isNew) syncFolder(dirname(this.#path));
  }

  /** A torn last line is a step that was never begun: its write had not returned. */
  #lines(): Line[] {
    if (!existsSync(this.#path)) return [];
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    lines.pop();
    return lines.map((text, i) => this.#parse(text, i + 1));
  }

  #parse(text: string, at: number): Line {
    try {
      return JSON.parse(text) as Line;
    } catch {
      throw new Failure(
        'journal-damaged',
        'The journal of what was made on this machine cannot be read.',
        `Repair or delete this line of it; what that line names must then be taken away by hand.`,
        3,
        `${this.#path}:${at}`,
      );
    }
  }
}

/** Where the last whole line ends; a torn one behind it is written over. */
function wholeLines(fd: number): number {
  const { size } = fstatSync(fd);
  const tail = Buffer.alloc(Math.min(size, LONGEST_LINE));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  const end = size - tail.length + tail.lastIndexOf(0x0a) + 1;
  if (end !== size) ftruncateSync(fd, end);
  return end;
}

/** Far more than a step takes. */
const LONGEST_LINE = 4 * 1024 * 1024;

function line(entry: Line): string {
  return `${JSON.stringify(entry)}\n`;
}

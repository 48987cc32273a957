import {
  appendFileSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { identity, type Resource } from '../plan/resource.ts';
import type { Step } from '../plan/step.ts';

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
      } else if (at === 'begin') there.set(key, step.what);
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
    const next = `${this.#path}.next`;
    const text = this.list()
      .map((what) => line({ at: 'begin', step: { do: 'make', what } }))
      .join('');
    const fd = openSync(next, 'w', 0o600);
    writeSync(fd, text);
    fsyncSync(fd);
    closeSync(fd);
    renameSync(next, this.#path);
  }

  #append(entry: Line): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o711 });
    const fd = openSync(this.#path, 'a', 0o600);
    try {
      appendFileSync(fd, line(entry));
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A torn last line is a step that was never begun: its write had not returned. */
  #lines(): Line[] {
    if (!existsSync(this.#path)) return [];
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    lines.pop();
    return lines.map((text) => JSON.parse(text) as Line);
  }
}

function line(entry: Line): string {
  return `${JSON.stringify(entry)}\n`;
}

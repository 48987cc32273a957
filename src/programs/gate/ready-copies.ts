import { closeSync, statSync } from 'node:fs';
import { versionOf } from '../../host/files/file-version.ts';
import type { Opened } from './messages.ts';

/** Copies of what policy allows, open, so that a start by rule waits for nobody. */
export class ReadyCopies {
  /** By agent and file. */
  readonly #open = new Map<string, Opened>();

  set(agent: string, file: string, copy: Opened): void {
    const before = this.#open.get(`${agent} ${file}`);
    if (before) closeSync(before.fd);
    this.#open.set(`${agent} ${file}`, copy);
  }

  /** Undefined when the original has changed since: then the other thread sees to it. */
  of(agent: string, file: string): Opened | undefined {
    const known = this.#open.get(`${agent} ${file}`);
    const now = known && statSync(file, { bigint: true, throwIfNoEntry: false });
    return now && versionOf(now) === known.pin.version ? known : undefined;
  }

  clear(): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }
}

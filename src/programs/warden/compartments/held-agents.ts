import { existsSync, readFileSync } from 'node:fs';
import { mendable } from '../../../host/files/no-space.ts';
import { replaceFile } from '../../../host/files/replace-file.ts';

/** Agents that an operator has stopped or paused. It outlives the warden: nobody who was stopped comes back by an accident. */
export class HeldAgents {
  readonly #path: string;
  readonly #names: Set<string>;

  constructor(path: string) {
    this.#path = path;
    this.#names = new Set(existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as string[]) : []);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** @returns why it could not be written down: it is held all the same as long as this warden lives, and whoever stops an agent does not wait
   *  for a disk */
  hold(name: string): unknown {
    this.#names.add(name);
    try {
      this.#write();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** @throws Failure `no-space`: a warden that comes after this one would hold it still */
  release(name: string): void {
    if (this.#names.delete(name)) this.#write();
  }

  #write(): void {
    try {
      replaceFile(this.#path, JSON.stringify([...this.#names].sort()));
    } catch (error) {
      throw mendable(error, 'who is stopped or paused (it is done, and forgotten when the warden ends)');
    }
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../../host/replace-file.ts';

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

  hold(name: string): void {
    this.#names.add(name);
    this.#write();
  }

  release(name: string): void {
    if (this.#names.delete(name)) this.#write();
  }

  #write(): void {
    replaceFile(this.#path, JSON.stringify([...this.#names].sort()));
  }
}

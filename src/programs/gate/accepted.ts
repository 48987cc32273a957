import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../../host/files/replace-file.ts';
import { packageOf } from '../../host/view/package-digest.ts';
import type { Pin } from './messages.ts';

/** What policy allows of a file holds for the content that it had when a person put the policy up (`bulkhead up`): by digest, kept
 *  over the lives of the gate. */
export class Accepted {
  readonly #path: string;
  readonly #record: (entry: object) => void;
  #digests: Map<string, string>;

  constructor(path: string, record: (entry: object) => void) {
    this.#path = path;
    this.#record = record;
    this.#digests = new Map(Object.entries(readIfThere(path)));
  }

  /** Digests that something is allowed of. */
  get digests(): ReadonlySet<string> {
    return new Set(this.#digests.values());
  }

  /** Forgets what no policy speaks of any more. */
  keep(files: ReadonlySet<string>): void {
    const kept = new Map([...this.#digests].filter(([file]) => files.has(file)));
    if (kept.size !== this.#digests.size) this.#save(kept);
  }

  /** A person says so. */
  accept(file: string, { digest }: Pin): void {
    const before = this.#digests.get(file);
    if (before === digest) return;
    if (before !== undefined)
      this.#record({ event: 'exec.pinned', path: file, from: before, to: digest, accepted: 'up' });
    this.#save(new Map([...this.#digests, [file, digest]]));
  }

  /** An upgrade that the package manager answers for is followed, with a line in the record. Of what no `up` has seen nothing is known,
   *  and so nothing holds. @returns whether it may run */
  holds(file: string, pin: Pin): boolean {
    const before = this.#digests.get(file);
    if (before === undefined) return false;
    if (before === pin.digest) return true;
    const from = packageOf(file, readFileSync(pin.path));
    if (from === undefined) return false;
    this.#record({ event: 'exec.pinned', path: file, from: before, to: pin.digest, ...from });
    this.#save(new Map([...this.#digests, [file, pin.digest]]));
    return true;
  }

  #save(digests: Map<string, string>): void {
    replaceFile(this.#path, JSON.stringify(Object.fromEntries(digests)));
    this.#digests = digests;
  }
}

function readIfThere(path: string): Record<string, string> {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

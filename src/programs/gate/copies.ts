import { readdirSync, statSync } from 'node:fs';
import type { AgentPolicy } from '../../wire/gate-policy.ts';
import { Accepted } from './accepted.ts';
import type { Pin } from './messages.ts';
import { Names } from './names.ts';
import { allowedFiles } from './needed.ts';
import { Pins } from './pins.ts';
import { RootlessNames } from './rootless-names.ts';

/** The copies of programs: made when they are needed, each under its digest and under the names of those who run it, and deleted when
 *  nothing needs them: no rule, nobody who waits, no process that runs from one. (A grant needs none: what is granted is a digest, and what has it
 *  can be copied again.) */
export class Copies {
  readonly names: Names;
  readonly #pins: Pins;
  readonly #accepted: Accepted;
  readonly #record: (entry: object) => void;
  /** By who waits. */
  readonly #held = new Map<string, Pin>();

  /** @param gate  the gate's own folder
   *  @param record  a line for the ledger */
  constructor(folder: string, gate: string, record: (entry: object) => void) {
    this.#pins = new Pins(folder);
    this.names = new (process.getuid?.() === 0 ? Names : RootlessNames)(`${folder}/named`);
    this.#accepted = new Accepted(`${gate}/accepted.json`, record);
    this.#record = record;
  }

  /** What is allowed from now on. @param up  a person puts it up: what its files are now is what is allowed */
  policies(policies: readonly AgentPolicy[], up: boolean): void {
    this.names.keep(policies.map(({ agent }) => agent));
    const files = allowedFiles(policies);
    this.#accepted.keep(files);
    if (up) for (const file of files) this.#accept(file);
    this.#collect();
  }

  /** @param who  waits for it, until `release`
   *  @throws when the file cannot be read */
  of(file: string, who: string): Pin {
    const pin = this.#pins.of(file);
    this.#held.set(who, pin);
    return pin;
  }

  /** A program that the agent made, copied by the warden. */
  async own(name: string, who: string): Promise<Pin> {
    const pin = await this.#pins.adopt(name);
    this.#held.set(who, pin);
    return pin;
  }

  /** For whoever asks for it now. */
  hold(pin: Pin, who: string): void {
    this.#held.set(who, pin);
  }

  /** Whether what policy allows of this file holds for this content of it. */
  holds(file: string, pin: Pin): boolean {
    return this.#accepted.holds(file, pin);
  }

  /** What an agent made is deleted at once: it could fill the host's disk with it. */
  release(who: string): void {
    const pin = this.#held.get(who);
    this.#held.delete(who);
    if (pin?.own && !this.#needed().has(pin.digest)) this.#pins.delete(pin.digest);
  }

  #accept(file: string): void {
    try {
      this.#accepted.accept(file, this.#pins.of(file));
    } catch (error) {
      this.#record({ event: 'exec.unreadable', path: file, why: (error as Error).message }); // and so whoever starts it is refused
    }
  }

  #needed(): Set<string> {
    return new Set([...this.#accepted.digests, ...[...this.#held.values()].map(({ digest }) => digest)]);
  }

  #collect(): void {
    this.#pins.keep(this.#needed());
    this.names.keepFiles(runningFiles());
  }
}

/** Files that some process runs from, as "DEVICE INODE". */
function runningFiles(): Set<string> {
  return new Set(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const { dev, ino } = statSync(`/proc/${pid}/exe`);
          return [`${dev} ${ino}`];
        } catch {
          return []; // it has ended, or is one of the kernel's
        }
      }),
  );
}

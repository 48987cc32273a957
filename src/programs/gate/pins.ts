import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { versionOf } from '../../host/files/file-version.ts';
import type { Pin } from './messages.ts';

/** Ours, and the warden's (src/programs/warden/gate/own-covers.ts). */
const UNFINISHED = /^(?:next|own-\d+-\d+)$/;
const CHUNK = 1024 * 1024;

/** Copies of programs that may be put in place of a stub, each under its digest: what was shown is what runs, however the file on the
 *  host changes meanwhile. A copy can be executed and not read by others than root, like the stub (a script must be readable: execve(2)); so no other process of
 *  the agent can look into what runs from it, or start it once more. */
export class Pins {
  readonly #folder: string;
  readonly #known = new Map<string, Pin>();

  /** Deletes what nobody has finished: whoever wanted it was killed with it. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const name of readdirSync(folder)) if (UNFINISHED.test(name)) rmSync(`${folder}/${name}`, { force: true });
  }

  /** @param file  of the host, from the warden's table: never a path that an agent named
   *  @throws when it cannot be read */
  of(file: string): Pin {
    const from = openSync(file, 'r');
    try {
      const version = versionOf(fstatSync(from, { bigint: true }));
      const known = this.#known.get(file);
      if (known?.version === version && existsSync(known.path)) return known;
      const pin = { ...this.#copy(from), version };
      this.#known.set(file, pin);
      return pin;
    } finally {
      closeSync(from);
    }
  }

  /** A copy that the warden made takes its place among the others; read piece by piece, as an agent chose its length.
   *  @param name  in our folder */
  async adopt(name: string): Promise<Pin> {
    const next = `${this.#folder}/${name}`;
    const hash = createHash('sha256');
    let head = '';
    for await (const chunk of createReadStream(next, { highWaterMark: CHUNK })) {
      if (head === '') head = chunk.toString('latin1', 0, 2);
      hash.update(chunk);
    }
    const digest = hash.digest('hex');
    return { path: this.#settle(next, digest, head === '#!'), script: head === '#!', digest, version: '', own: true };
  }

  delete(digest: string): void {
    rmSync(`${this.#folder}/${digest}`, { force: true });
  }

  /** Deletes all others. What runs from one goes on. */
  keep(digests: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#folder))
      if (/^[0-9a-f]{64}$/.test(name) && !digests.has(name)) rmSync(`${this.#folder}/${name}`);
  }

  #copy(from: number): Omit<Pin, 'version'> {
    const next = `${this.#folder}/next`;
    const to = openSync(next, 'w', 0o600);
    const hash = createHash('sha256');
    const chunk = Buffer.alloc(CHUNK);
    let script = false;
    try {
      for (let at = 0; ; ) {
        const got = readSync(from, chunk, 0, CHUNK, at);
        if (got === 0) break;
        if (at === 0) script = chunk.toString('latin1', 0, 2) === '#!';
        hash.update(chunk.subarray(0, got));
        writeSync(to, chunk, 0, got);
        at += got;
      }
      fsyncSync(to);
    } finally {
      closeSync(to);
    }
    const digest = hash.digest('hex');
    return { path: this.#settle(next, digest, script), script, digest };
  }

  #settle(next: string, digest: string, script: boolean): string {
    const path = `${this.#folder}/${digest}`;
    chmodSync(next, script ? 0o555 : 0o511);
    renameSync(next, path);
    return path;
  }
}

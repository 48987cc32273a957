import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** A log that only root can read or write; at its size limit it becomes FILE.1 and starts anew. */
const LARGEST = 8 * 1024 * 1024;
/** What one writer may bring in a second; more makes it wait, so that nobody fills the disk or the warden's time. */
const BYTES_PER_SECOND = 2 * 1024 * 1024;

export class LogFile {
  readonly path: string;
  #fd: number;
  #size: number;
  #closed = false;
  /** Bytes that found no space. */
  #lost = 0;
  readonly #watchers = new Set<(text: string) => void>();

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  write(chunk: Buffer | string): void {
    if (this.#closed) return; // the last words of an agent that was let go
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    if (this.#size + bytes.length > LARGEST) this.#rotate();
    this.#put(bytes);
    for (const watcher of this.#watchers) watcher(bytes.toString('utf8'));
  }

  /** A line of our own among the agent's: `-- 2026-01-01T00:00:00.000Z text`. */
  note(text: string): void {
    this.write(`-- ${new Date().toISOString()} ${text}\n`);
  }

  /** Copies a stream until it ends, never faster than the limit. */
  take(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => {
      this.write(chunk);
      stream.pause();
      setTimeout(() => stream.resume(), (chunk.length / BYTES_PER_SECOND) * 1000);
    });
    stream.on('error', (error) => this.note(`the output ended: ${error.message}`));
  }

  /** @returns stops watching */
  watch(watcher: (text: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  close(): void {
    this.#closed = true;
    closeSync(this.#fd);
  }

  /** A full disk takes words away, not the warden and with it every agent. What is missing is said once there is space. */
  #put(bytes: Buffer): void {
    try {
      if (this.#lost > 0) {
        this.#size += writeSync(
          this.#fd,
          `-- ${new Date().toISOString()} ${this.#lost} bytes are missing here: no space\n`,
        );
        this.#lost = 0;
      }
      const done = writeSync(this.#fd, bytes);
      this.#size += done;
      this.#lost += bytes.length - done;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
      this.#lost += bytes.length;
    }
  }

  #rotate(): void {
    closeSync(this.#fd);
    renameSync(this.path, `${this.path}.1`);
    this.#fd = openSync(this.path, 'a', 0o600);
    this.#size = 0;
  }
}

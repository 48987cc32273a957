import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../../host/files/replace-file.ts';
import { encodeRecords } from '../../ledger/record.ts';

/** The log file that an entry reaches first, in segments named by the index of their first record. Segments whose entries are
 *  all in published bundles are deleted, so the log holds the last seconds and the bundles hold the rest. */
const SEGMENT_BYTES = 32 * 1024 * 1024;

export function segmentName(first: number): string {
  return String(first).padStart(16, '0');
}

/** The file is no longer what we believe it is: the process must end and be recovered. */
export class LogBroken extends Error {}

export class Log {
  readonly #folder: string;
  #fd: number;
  /** Bytes of whole records in the current segment. */
  #length = 0;
  #next: number;
  #segments: number[];

  /** Begins an empty segment; what was recovered is already in bundles. */
  constructor(folder: string, next: number) {
    this.#folder = folder;
    this.#next = next;
    this.#segments = [next];
    this.#fd = this.#create(next);
  }

  /** One write(2), or more where the kernel takes less than all. On return the records are accepted.
   *  @throws the system's error with nothing of them left in the file; LogBroken where that cannot be had */
  append(bodies: readonly Buffer[]): void {
    if (this.#length > SEGMENT_BYTES) this.#rotate();
    const bytes = encodeRecords(bodies);
    let done = 0;
    try {
      while (done < bytes.length) {
        const wrote = writeSync(this.#fd, bytes, done, bytes.length - done, this.#length + done);
        if (wrote === 0) throw Object.assign(new Error('write took nothing'), { code: 'EIO' });
        done += wrote;
      }
    } catch (error) {
      this.#takeBack(error as Error);
      throw error;
    }
    this.#length += bytes.length;
    this.#next += bodies.length;
  }

  /** fdatasync(2) of the current segment; earlier segments are on disk since they were left. */
  sync(done: (error: Error | null) => void): void {
    fdatasync(this.#fd, done);
  }

  /** Deletes the segments of which every record is below `published`. */
  dropBelow(published: number): void {
    while (this.#segments.length > 1 && (this.#segments[1] as number) <= published) {
      unlinkSync(join(this.#folder, segmentName(this.#segments[0] as number)));
      this.#segments.shift();
    }
  }

  /** Clean end: everything is published, nothing has to be kept. */
  close(): void {
    closeSync(this.#fd);
    for (const first of this.#segments) unlinkSync(join(this.#folder, segmentName(first)));
  }

  #takeBack(cause: Error): void {
    try {
      ftruncateSync(this.#fd, this.#length);
    } catch (error) {
      throw new LogBroken(`the log could not be cut back after a failed write: ${error}`, { cause });
    }
  }

  #rotate(): void {
    try {
      fdatasyncSync(this.#fd);
    } catch (error) {
      throw new LogBroken('the log could not be synced', { cause: error });
    }
    const left = this.#fd;
    this.#fd = this.#create(this.#next);
    closeSync(left);
    this.#segments.push(this.#next);
    this.#length = 0;
  }

  #create(first: number): number {
    const path = join(this.#folder, segmentName(first));
    const fd = openSync(path, 'wx', 0o600);
    try {
      syncFolder(this.#folder);
    } catch (error) {
      closeSync(fd);
      unlinkSync(path);
      throw error;
    }
    return fd;
  }
}

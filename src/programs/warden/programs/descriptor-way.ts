import { closeSync } from 'node:fs';
import { receiveDescriptors, sendDescriptors } from '../../../wire/handover.ts';

/** The way that descriptors go to one running program, and come back. It is closed when the program has ended: whoever comes to it later with
 *  something is refused, as its number may be that of another program's by then. */
export class DescriptorWay {
  readonly #fd: number;
  #open = true;

  /** @param fd  our end, ours to close */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** They stay the caller's. @throws Error when the program has ended, or does not take them */
  show(descriptors: readonly number[]): void {
    this.#mustBeOpen();
    sendDescriptors(this.#fd, descriptors);
  }

  /** The same; they are closed here, whatever becomes of them. */
  give(descriptors: readonly number[]): void {
    try {
      this.show(descriptors);
    } finally {
      for (const fd of descriptors) closeSync(fd);
    }
  }

  /** The one that came with a frame. @param what  it should be. @throws Error when none did */
  take(what: string): number {
    this.#mustBeOpen();
    const [fd] = receiveDescriptors(this.#fd);
    if (fd === undefined) throw new Error(`no ${what} came with it`);
    return fd;
  }

  close(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new Error('the program that it is for has ended');
  }
}

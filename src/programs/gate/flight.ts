import { mapShared } from '../../host/gate/libc-gate.ts';
import { NOTIFICATION } from '../../host/gate/seccomp-notify.ts';
import { PLACE_BYTES, PLACES } from '../../wire/gate-policy.ts';

/** What was asked and not answered yet, in memory that the warden holds as well: the kernel gives each question out once, so the next gate
 *  finds it here and answers it. A place is 96 bytes: the notification as the kernel wrote it, and the number of its listener; all
 *  zero where it is free. */
const PLACE: number = PLACE_BYTES;
const LISTENER_AT = 80;

export class Flight {
  readonly #memory: Buffer;
  readonly #places: Buffer[];
  readonly #free: number[] = [];

  /** @param fd  a file of PLACES places */
  constructor(fd: number) {
    this.#memory = mapShared(fd, PLACE * PLACES);
    this.#places = Array.from({ length: PLACES }, (_, place) =>
      this.#memory.subarray(place * PLACE, place * PLACE + NOTIFICATION),
    );
    for (let place = PLACES - 1; place >= 0; place--)
      if (this.at(place).every((byte) => byte === 0)) this.#free.push(place);
  }

  /** Places that an earlier gate left. */
  left(): { place: number; listener: number }[] {
    const free = new Set(this.#free);
    return Array.from({ length: PLACES }, (_, place) => place)
      .filter((place) => !free.has(place))
      .map((place) => ({ place, listener: this.#memory.readUInt32LE(place * PLACE + LISTENER_AT) }));
  }

  get room(): number {
    return this.#free.length;
  }

  /** A free place for the next question of this listener. @throws RangeError when there is none: look at `room` first */
  take(listener: number): number {
    const place = this.#free.pop();
    if (place === undefined) throw new RangeError('no room for another question');
    this.#memory.writeUInt32LE(listener, place * PLACE + LISTENER_AT);
    return place;
  }

  /** The notification. */
  at(place: number): Buffer {
    return this.#places[place] as Buffer;
  }

  release(place: number): void {
    this.#memory.fill(0, place * PLACE, (place + 1) * PLACE);
    this.#free.push(place);
  }
}

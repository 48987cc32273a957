import type { Socket } from 'node:net';
import type { Allowed, Destination } from '../../../policy/egress.ts';
import type { Address } from '../../../protocol/address.ts';
import type { Grant } from '../asking.ts';
import { contained } from '../contained.ts';
import type { Door } from '../door.ts';
import { isForSsh } from '../ssh/ssh-heard.ts';

type Terms = Allowed & { readonly grant?: Grant };

/** One allowed connection, from the verdict to its last byte. `egress.closed` is written once for each that was written as
 *  allowed. */
export class Passage {
  readonly destination: Destination;
  readonly terms: Terms;
  readonly #door: Door;
  readonly #began = performance.now();
  #address: Address | undefined;
  #upstream: Socket | undefined;
  #why: string | undefined;
  #recorded = false;
  /** Of what has passed, what is counted. */
  #up = 0;
  #down = 0;
  /** Where the far end stood when it became this one's. */
  #before = { up: 0, down: 0 };
  /** What had passed when the far end was left to others. */
  #left: { readonly up: number; readonly down: number } | undefined;
  #done = false;
  #whenClosed: (() => void)[] = [];
  /** What passes is read, and may have had secrets put into it. */
  read = false;

  constructor(door: Door, destination: Destination, terms: Terms) {
    this.#door = door;
    this.destination = destination;
    this.terms = terms;
    door.compartment.passages.add(this);
  }

  get client(): Socket {
    return this.#door.client;
  }

  closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#done) resolve();
      else this.#whenClosed.push(resolve);
    });
  }

  /** Why it was ended by us; undefined while it stands or if the two ends closed it. */
  get ended(): string | undefined {
    return this.#why;
  }

  /** Counts what has passed since the last time. @returns why nothing more may */
  measure(): string | undefined {
    if (this.#upstream === undefined && this.#left === undefined) return undefined; // nothing has passed: it may be held until there is room
    const { up, down } = this.#passed;
    const over = this.#door.compartment.meter.bytes(Math.max(0, up - this.#up), Math.max(0, down - this.#down));
    this.#up = up;
    this.#down = down;
    return over?.why;
  }

  /** Cuts both ends, at whatever stage. The first reason stays. */
  end(why: string): void {
    this.#why ??= why;
    this.#door.client.destroy();
    if (this.#upstream === undefined) this.finish();
    else this.#upstream.destroy();
  }

  /** Gives up the far end; the client may still be told why. */
  abandon(why: string): void {
    this.finish(why);
    this.#upstream?.destroy();
  }

  /** @throws Error if it was ended meanwhile; what was written as allowed is then written as closed */
  recorded(): void {
    this.#recorded = true;
    this.#door.compartment.allowed += 1;
    if (this.#done) this.#write();
    this.stands();
  }

  /** @throws Error once it was ended */
  stands(): void {
    if (this.#why !== undefined) throw new Error(this.#why);
  }

  /** An attempt to connect; `end` destroys it. */
  dialling(upstream: Socket, address: Address): void {
    this.#upstream = upstream;
    this.#address = address;
  }

  connected(upstream: Socket): void {
    upstream.once('close', this.#farClosed);
    if (this.#door.client.destroyed) upstream.destroy();
  }

  /** A far end that stood before: what passed on it then is not this one's. */
  takes(upstream: Socket, address: Address): void {
    this.dialling(upstream, address);
    this.#before = { up: upstream.bytesWritten, down: upstream.bytesRead };
    this.connected(upstream);
  }

  /** The far end stands on without it. The client may still hear something. */
  leaves(): void {
    this.#left = this.#passed;
    this.#upstream?.off('close', this.#farClosed);
    this.#upstream = undefined;
    this.#farClosed();
  }

  readonly #farClosed = (): void => {
    const { client } = this.#door;
    if (client.destroyed) this.finish();
    else client.once('close', () => this.finish());
  };

  get #passed(): { readonly up: number; readonly down: number } {
    if (this.#left) return this.#left;
    const { bytesWritten = 0, bytesRead = 0 } = this.#upstream ?? {};
    return { up: bytesWritten - this.#before.up, down: bytesRead - this.#before.down };
  }

  /** Where its far end is. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** Nobody has ended it. */
  get open(): boolean {
    return !this.#done && this.#why === undefined;
  }

  /** The server's words begin to pass as they are. */
  flows(upstream: Socket): void {
    const { compartment } = this.#door;
    if (!isForSsh(compartment.ssh, this.destination)) return;
    const contain = contained(compartment, this.destination, () => this.end('broken'));
    compartment.heard.listen(this, this.destination, upstream, contain);
  }

  /** Nothing passes any more. */
  finish(why?: string): void {
    if (this.#done) return;
    this.#done = true;
    this.#why ??= why;
    this.#door.compartment.passages.delete(this);
    this.measure();
    for (const resolve of this.#whenClosed.splice(0)) resolve();
    if (this.#recorded) this.#write();
  }

  #write(): void {
    const { host, port } = this.destination;
    this.#door.compartment.closings.add({
      event: 'egress.closed',
      agent: this.#door.compartment.name,
      host,
      port,
      address: this.#address,
      ...this.#passed,
      ms: Math.round(performance.now() - this.#began),
      why: this.#why,
    });
  }
}

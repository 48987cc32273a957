import type { Allowed, Destination } from '../../../policy/egress.ts';
import type { Address } from '../../../protocol/address.ts';
import type { Compartment } from '../compartment.ts';
import type { Outside } from '../door.ts';
import { LIMITS } from '../limits.ts';
import { addressesOf } from '../names/resolve.ts';
import { admit } from '../usage/budgets.ts';
import { askServer, type ServerTime } from './server-time.ts';

/** How it came, for the record. */
export const VIA = 'ntp';
/** What one question and one answer are. */
const BYTES = 48;
const MOST_ADDRESSES = 2;

interface Known {
  readonly destination: Destination;
  readonly address: string | undefined;
  readonly until: number;
  readonly time: Promise<ServerTime | undefined>;
  readonly ending: AbortController;
}

/** What one compartment knows of the time at servers. Each is asked once in a while at most, whatever came of it; and for one compartment alone,
 *  so that none can tell from an answer what another has asked. */
export class TimeServers {
  readonly #known = new Map<string, Known>();

  /** The time at a server that policy grants: what is known of it, or else it is asked. @returns undefined: it is not known */
  async of(
    outside: Outside,
    compartment: Compartment,
    destination: Destination,
    verdict: Allowed,
  ): Promise<ServerTime | undefined> {
    const now = performance.now();
    for (const [key, { until }] of this.#known) if (until <= now) this.#known.delete(key);
    const key = `${destination.host} ${verdict.address ?? ''}`;
    const known = this.#known.get(key);
    if (known) return known.time;
    if (this.#known.size >= LIMITS.timeServers) {
      await compartment.refuse(destination, VIA, 'too many time servers at once', Date.now());
      return undefined;
    }
    const ending = new AbortController();
    const time = ask(outside, compartment, destination, verdict, ending.signal);
    const { address } = verdict;
    this.#known.set(key, { destination, address, time, ending, until: now + LIMITS.timeKeptMs });
    return time;
  }

  /** Forgets the others, and ends what is under way for them. */
  retain(stays: (destination: Destination, address: string | undefined) => boolean, why: string): void {
    for (const [key, { destination, address, ending }] of this.#known) {
      if (stays(destination, address)) continue;
      this.#known.delete(key);
      ending.abort(why);
    }
  }
}

/** Counted and on record before a question goes out; how it went is on record afterwards. */
async function ask(
  outside: Outside,
  compartment: Compartment,
  destination: Destination,
  { rule, address: pinned }: Allowed,
  signal: AbortSignal,
): Promise<ServerTime | undefined> {
  const { name: agent, meter } = compartment;
  const { host, port } = destination;
  const refuse = async (why: string, more: { readonly ask?: string } = {}): Promise<undefined> => {
    await compartment.refuse(destination, VIA, why, Date.now(), more);
    return undefined;
  };
  const stopped = await admit(compartment, { ...outside, hold: false }, () => meter.request(false));
  if (stopped) return refuse(stopped.why, stopped);
  if (signal.aborted) return refuse(String(signal.reason));
  const entry = { event: 'egress.allowed', agent, host, port, via: VIA, rule, address: pinned };
  try {
    await outside.recorder.append([entry], 'accepted');
  } catch {
    return refuse('the record cannot be written');
  }
  compartment.allowed += 1;
  const began = performance.now();
  const closing = { address: pinned, up: 0, down: 0 };
  const closed = (why?: string): void => {
    meter.bytes(closing.up, closing.down);
    const ms = Math.round(performance.now() - began);
    compartment.closings.add({ event: 'egress.closed', agent, host, port, via: VIA, ...closing, ms, why });
  };
  try {
    const found = await addressesOf(outside.resolve, host, pinned as Address | undefined, LIMITS.timeMs);
    if (found.kind === 'refused') {
      const why = `${host} resolves to ${found.address}, which is ${found.is}`;
      closed(why);
      return refuse(why);
    }
    const time = await askOne(found.addresses.slice(0, MOST_ADDRESSES), signal, closing);
    closing.down += BYTES;
    closed();
    return time;
  } catch (error) {
    closed(`not reached: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
    return undefined;
  }
}

/** Each in turn, until one answers. */
async function askOne(
  addresses: readonly Address[],
  signal: AbortSignal,
  closing: { address: string | undefined; up: number },
): Promise<ServerTime> {
  let last: unknown = new Error('the name has no address');
  for (const address of addresses) {
    if (signal.aborted) throw new Error(String(signal.reason));
    closing.address = address;
    try {
      return await askServer(address, LIMITS.timeMs, signal, () => {
        closing.up += BYTES;
      });
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

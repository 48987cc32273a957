import { NTP_PORT } from '../../../model/bounds.ts';
import type { Destination } from '../../../policy/egress.ts';
import { readTimeRequest, writeTimeAnswer, writeTimeDenial } from '../../../protocol/ntp.ts';
import type { Compartment } from '../compartment.ts';
import type { Outside } from '../door.ts';
import { answerAt } from './server-time.ts';
import { VIA } from './time-servers.ts';

/** Answers a datagram that an agent sent to UDP port 123 of an address. Nothing of it goes anywhere: the gateway asks a server that policy grants in
 *  its own words, now and then, and says the time itself. A server that is not granted is not asked for: people are asked about connections only.
 *  @returns undefined: no answer */
export async function answerTime(
  outside: Outside,
  compartment: Compartment,
  address: string,
  message: Uint8Array,
): Promise<Uint8Array | undefined> {
  const came = performance.now();
  const { host, literal } = compartment.destinationOf(address, NTP_PORT);
  const destination: Destination = { host, port: NTP_PORT, literal, protocol: 'ntp' };
  const verdict = compartment.judge(destination);
  const read = readTimeRequest(message);
  if (verdict.kind !== 'allow') {
    await compartment.refuse(destination, VIA, verdict.why, Date.now());
    return read.kind === 'request' ? writeTimeDenial(read.request) : undefined;
  }
  if (read.kind === 'refused') {
    await compartment.refuse(destination, VIA, `no plain request for the time: ${read.why}`, Date.now());
    return undefined;
  }
  const known = await compartment.time.of(outside, compartment, destination, verdict);
  if (known === undefined || compartment.judge(destination).kind !== 'allow') return undefined; // rules may be others by now
  const { answer, reference } = answerAt(known, came, performance.now());
  return writeTimeAnswer(read.request, answer, reference);
}

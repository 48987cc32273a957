import type { Socket } from 'node:net';
import { TRANSPARENT_PORT } from '../../../tiers/netns-rules.ts';
import { serveApi } from '../api/api.ts';
import { judge, judgeOrAsk } from '../asking.ts';
import type { Compartment } from '../compartment.ts';
import type { Door, Outside } from '../door.ts';
import { LIMITS } from '../limits.ts';
import { serveDnsOverTcp } from '../names/dns-tcp.ts';
import { INTERNAL } from '../names/names.ts';
import { explain } from '../refusals/refuse.ts';
import { carry } from './carry.ts';
import { serveProxy } from './explicit.ts';
import { serveSocks } from './socks.ts';

/** A connection that arrived at the transparent listener: its local address and port are what the agent asked for. */
export async function attend(outside: Outside, compartment: Compartment, client: Socket): Promise<void> {
  const { localAddress, localPort } = client;
  if (localAddress === undefined || localPort === undefined) return void client.destroy(); // gone already
  if (cameToTheListener(localAddress, localPort)) return void client.destroy();
  const door: Door = { outside, compartment, client, via: 'direct' };
  const destination = compartment.destinationOf(localAddress, localPort);
  if (compartment.connections > LIMITS.connections) {
    await compartment.refuse(destination, door.via, 'too many connections at once', Date.now());
    return void client.resetAndDestroy();
  }
  const wait = compartment.pace.turn(performance.now());
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  if (destination.host === INTERNAL && OWN_PORTS[localPort]) return OWN_PORTS[localPort](door);
  const first = judge(compartment, destination);
  if (first.kind === 'allow') return carry(door, destination);
  if (localPort === 53) return serveDnsOverTcp(door);
  if (localAddress === PROBE_ADDRESS) return explain(client, { denied: PROBE_ADDRESS, rule: first.why, ask: null });
  const verdict = await judgeOrAsk(outside.inbox, compartment, destination);
  if (verdict.kind === 'allow') return carry(door, destination);
  await explain(client, await compartment.refuse(destination, door.via, verdict.why, Date.now(), verdict));
}

/** Whether it came without tproxy. In the host's network loopback is nobody's own, and a destination like others. */
function cameToTheListener(address: string, port: number): boolean {
  return port === TRANSPARENT_PORT && (address.startsWith('127.') || address === '::1');
}

/** Where src/host/probe.pl asks every minute whether policy still says no: a documentation address (RFC 5737). What is refused
 *  there is the one refusal that is not recorded, for it would be most of the record. */
const PROBE_ADDRESS = '192.0.2.254';

/** Ports of bulkhead.internal. */
const OWN_PORTS: Readonly<Record<number, (door: Door) => Promise<void>>> = {
  53: serveDnsOverTcp,
  80: serveApi,
  1080: serveSocks,
  3128: serveProxy,
};

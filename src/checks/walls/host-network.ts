import { type Expected, fullUnless, type Judge, none, one } from './facts.ts';

/** Tier `user`: in the host's network, held there twice. The packet filter sends what it sends to our door and rejects the rest; its
 *  routing ends on loopback. Each is measured by itself: a datagram that the filter rejects has left no trace of a route, and the
 *  source address of a socket that has sent nothing is the route's alone. */
export const hostNetwork: Judge = (facts, expected) => {
  const fact = (name: string): string => one(facts, name) ?? 'unknown';
  const tcp = fact('tcp');
  if (tcp === 'answered') return none('an address that nobody granted answered');
  const { gateway, packetFilter, hostNetwork: gone } = facts.outside;
  return fullUnless([
    LOOPBACK,
    !gateway && 'the gateway is not running, so there is no network at all',
    ...['api', 'api6'].map(
      (name) => fact(name) !== 'open' && `the gateway is not reached from inside (${name}: ${fact(name)})`,
    ),
    tcp !== 'denied' && `a foreign address is not answered by the gateway (${tcp})`,
    ...['udp', 'udp6'].map(
      (name) =>
        !/^refused (1|13|113)$/.test(fact(name)) &&
        `other traffic is not rejected by the rules (${name}: ${fact(name)})`,
    ),
    ...deadEnds(expected).map(
      ([name, source]) =>
        fact(name) !== source && `the dead end does not hold (${name}: ${fact(name)}); only the packet filter does`,
    ),
    !fact('listener').startsWith('refused') && `the gateway's own listener is open to it (${fact('listener')})`,
    ...(gone ?? []).map((what) => `not as it should be until just now, put back: ${what}`),
    !packetFilter && gone === undefined && 'the packet filter is not the one that was loaded',
  ]);
};

/** What this tier never has. */
const LOOPBACK = 'services on the loopback of the host are behind the packet filter alone';

function deadEnds({ onHost }: Expected): (readonly [name: string, source: string])[] {
  return [
    ['route4', onHost?.address ?? ''],
    ['route6', '::1'],
  ];
}

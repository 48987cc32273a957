import { fact, missingAtDoor, strangerAnswered } from './door.ts';
import { type Expected, fullUnless, type Judge, none } from './facts.ts';

/** Tier `user`: in the host's network, held there twice. The packet filter sends what it sends to our door and rejects the rest; its
 *  routing ends on loopback. Each is measured by itself: a datagram that the filter rejects has left no trace of a route, and the
 *  source address of a socket that has sent nothing is the route's alone. */
export const hostNetwork: Judge = (facts, expected) => {
  const answered = strangerAnswered(facts);
  if (answered) return none(answered);
  const { packetFilter, hostNetwork: gone } = facts.outside;
  return fullUnless([
    LOOPBACK,
    ...missingAtDoor(facts),
    ...deadEnds(expected).map(
      ([name, source]) =>
        fact(facts, name) !== source &&
        `the dead end does not hold (${name}: ${fact(facts, name)}); only the packet filter does`,
    ),
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

import { missingAtDoor, strangerAnswered } from './door.ts';
import { fullUnless, type Judge, none, one } from './facts.ts';
import { hostNetwork } from './host-network.ts';

/** There is nothing but loopback, every connection ends at our door, and the door refuses what is not granted. */
export const network: Judge = (facts, expected) => {
  if (expected.onHost) return hostNetwork(facts, expected);
  const links = one(facts, 'links');
  if (links === undefined) return none('the interfaces could not be read');
  if (links.split(' ').some((link) => link !== 'lo')) return none(`there is another interface than loopback: ${links}`);
  const answered = strangerAnswered(facts);
  if (answered) return none(answered);
  return fullUnless([
    ...missingAtDoor(facts),
    !facts.outside.packetFilter && 'the packet filter is not the one that was loaded',
  ]);
};

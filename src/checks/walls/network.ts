import { fullUnless, type Judge, none, one } from './facts.ts';
import { hostNetwork } from './host-network.ts';

/** There is nothing but loopback, every connection ends at our door, and the door refuses what is not granted. */
export const network: Judge = (facts, expected) => {
  if (expected.onHost) return hostNetwork(facts, expected);
  const links = one(facts, 'links');
  if (links === undefined) return none('the interfaces could not be read');
  if (links.split(' ').some((link) => link !== 'lo')) return none(`there is another interface than loopback: ${links}`);
  const tcp = one(facts, 'tcp') ?? 'unknown';
  if (tcp === 'answered') return none('an address that nobody granted answered');
  const fact = (name: string): string => one(facts, name) ?? 'unknown';
  return fullUnless([
    !facts.outside.gateway && 'the gateway is not running, so there is no network at all',
    ...['api', 'api6'].map(
      (name) => fact(name) !== 'open' && `the gateway is not reached from inside (${name}: ${fact(name)})`,
    ),
    tcp !== 'denied' && `a foreign address is not answered by the gateway (${tcp})`,
    // EPERM, EACCES, EHOSTUNREACH: a rule said no. ECONNREFUSED: only nobody was there, so the rules are gone.
    ...['udp', 'udp6'].map(
      (name) =>
        !/^refused (1|13|113)$/.test(fact(name)) &&
        `other traffic is not rejected by the rules (${name}: ${fact(name)})`,
    ),
    !fact('listener').startsWith('refused') && `the gateway's own listener is open to it (${fact('listener')})`,
    !facts.outside.packetFilter && 'the packet filter is not the one that was loaded',
  ]);
};

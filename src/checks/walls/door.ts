import { one, type ProbeFacts } from './facts.ts';

/** A fact of the probe's, or `unknown`, which is never what a wall needs. */
export function fact(facts: ProbeFacts, name: string): string {
  return one(facts, name) ?? 'unknown';
}

/** Whether the network wall is none at all. */
export function strangerAnswered(facts: ProbeFacts): string | undefined {
  return fact(facts, 'tcp') === 'answered' ? 'an address that nobody granted answered' : undefined;
}

/** What is missing of the one way out, in whatever network: every connection ends at the gateway's door, and the rules reject the rest. */
export function missingAtDoor(facts: ProbeFacts): (string | false)[] {
  const tcp = fact(facts, 'tcp');
  const listener = fact(facts, 'listener');
  return [
    !facts.outside.gateway && 'the gateway is not running, so there is no network at all',
    ...['api', 'api6'].map(
      (name) =>
        fact(facts, name) !== 'open' && `the gateway is not reached from inside (${name}: ${fact(facts, name)})`,
    ),
    tcp !== 'denied' && `a foreign address is not answered by the gateway (${tcp})`,
    // EPERM, EACCES, EHOSTUNREACH: a rule said no. ECONNREFUSED: only nobody was there, so the rules are gone.
    ...['udp', 'udp6'].map(
      (name) =>
        !/^refused (1|13|113)$/.test(fact(facts, name)) &&
        `other traffic is not rejected by the rules (${name}: ${fact(facts, name)})`,
    ),
    !listener.startsWith('refused') && `the gateway's own listener is open to it (${listener})`,
  ];
}

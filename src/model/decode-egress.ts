import { MOST_RULES, NTP_PORT, PORT } from './bounds.ts';
import type { EgressRule } from './fleet.ts';
import { isAddress, isHostPattern } from './hosts.ts';
import { requestTerms, TERMS } from './request-terms.ts';
import { entries, members, text, whole, wrong } from './strict.ts';

/** @throws Failure also for rules of one destination that contradict each other */
export function egressRules(raw: unknown, at: string): readonly EgressRule[] {
  const rules = entries(raw, at, egressRule, MOST_RULES);
  const clash = rulesClash(rules);
  if (clash !== undefined)
    throw wrong(`${at}[${clash}]`, 'is a rule for a destination that another one grants otherwise');
  return rules;
}

/** The number of a rule whose destination an earlier one names, and grants without terms, on the same terms, or at another address.
 *  Undefined: there is none. */
export function rulesClash(rules: readonly EgressRule[]): number | undefined {
  const key = ({ host, port, protocol }: EgressRule): string => `${host} ${port} ${protocol ?? ''}`;
  const terms = (rule: EgressRule): string => JSON.stringify(TERMS.map((term) => rule[term] ?? null));
  const none = terms({ host: '', port: 1 });
  const seen = new Map<string, EgressRule[]>();
  for (const [i, rule] of rules.entries()) {
    const others = seen.get(key(rule)) ?? [];
    const same = (other: EgressRule): boolean =>
      terms(other) === none || terms(rule) === none || terms(other) === terms(rule) || other.address !== rule.address;
    if (others.some(same)) return i;
    seen.set(key(rule), [...others, rule]);
  }
  return undefined;
}

function egressRule(raw: unknown, at: string): EgressRule {
  const given = members(raw, at, ['host', 'port'], ['address', 'from', 'protocol', ...TERMS]);
  const protocol = Object.hasOwn(given, 'protocol') ? ntp(given, at) : {};
  return {
    host: text(given.host, `${at}.host`, 'a host in its one spelling', isHostPattern),
    port: whole(given.port, `${at}.port`, PORT),
    ...(Object.hasOwn(given, 'address')
      ? { address: text(given.address, `${at}.address`, 'an address in its one spelling', isAddress) }
      : {}),
    ...protocol,
    ...requestTerms(given, at),
    ...(Object.hasOwn(given, 'from')
      ? { from: text(given.from, `${at}.from`, 'a few words', (words) => /^[a-z][ -~]{0,80}$/.test(words)) }
      : {}),
  };
}

function ntp(given: Readonly<Record<string, unknown>>, at: string): { readonly protocol: 'ntp' } {
  const plain =
    given.port === NTP_PORT &&
    !String(given.host).startsWith('*.') &&
    !TERMS.some((term) => Object.hasOwn(given, term));
  if (given.protocol === 'ntp' && plain) return { protocol: 'ntp' };
  throw wrong(`${at}.protocol`, 'is not ntp, of one host at port 123, without terms');
}

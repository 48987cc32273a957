import type { Attack, Evidence } from '../attack.ts';

/** What all attacks of this family have in common. */
export function attack(one: Omit<Attack, 'wall' | 'tiers'> & Partial<Pick<Attack, 'wall' | 'tiers'>>): Attack {
  return { wall: 'network', tiers: ['user', 'sandbox', 'container', 'vm'], ...one };
}

const DENIED = ['egress.denied'];
export const DENIED_IP: readonly Evidence[] = [{ event: DENIED, mentions: 'deny_ip' }];
export const DENIED_IP6: readonly Evidence[] = [{ event: DENIED, mentions: 'deny_ip6' }];
export const DENIED_HOST: readonly Evidence[] = [{ event: DENIED, mentions: 'deny_host' }];
export const DENIED_ANY: readonly Evidence[] = [{ event: DENIED }];

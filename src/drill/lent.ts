import { NTP_PORT } from '../model/bounds.ts';
import type { EgressRule } from '../model/fleet.ts';
import { gitRules } from '../policy/egress-presets.ts';

/** A host of the drill's whose requests are read for the sake of its rules. */
export const RULED_HOST = 'rules.test';

/** A server that may be asked for the time, on the far side of the drill's own network (RFC 5737). */
export const CLOCK_RULE: EgressRule & { readonly address: string } = {
  ...{ host: 'clock.test', port: NTP_PORT, address: '203.0.113.123', protocol: 'ntp' },
};

/** What a drill grants at one of its targets. @param pin  host, port and address alone */
export function lentRules(pin: EgressRule): readonly EgressRule[] {
  if (pin.host !== RULED_HOST) return [pin];
  return [
    { ...pin, methods: ['GET', 'POST'], paths: ['/v1/**'], types: ['application/json'] },
    { ...pin, methods: ['GET'], paths: ['/find'], query: { kind: ['open'] } },
    ...gitRules(pin, ['me/*'], ['me/site']),
  ];
}

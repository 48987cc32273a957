import type { EgressRule } from '../model/fleet.ts';
import { gitRules } from '../policy/egress-presets.ts';

/** A host of the drill's whose requests are read for the sake of its rules. */
export const RULED_HOST = 'rules.test';

/** What a drill grants at one of its targets. @param pin  host, port and address alone */
export function lentRules(pin: EgressRule): readonly EgressRule[] {
  if (pin.host !== RULED_HOST) return [pin];
  return [
    { ...pin, methods: ['GET', 'POST'], paths: ['/v1/**'], types: ['application/json'] },
    { ...pin, methods: ['GET'], paths: ['/find'], query: { kind: ['open'] } },
    ...gitRules(pin, ['me/*'], ['me/site']),
  ];
}

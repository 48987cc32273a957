import { PORT } from './bounds.ts';
import type { EgressRule } from './fleet.ts';
import { secretName } from './names.ts';
import type { SecretBinding } from './secret-binding.ts';
import { members, text, whole } from './strict.ts';

/** A key that no service knows, lent to an agent for the length of a drill. Where it is bound is not for whoever lends it to say: a target
 *  of the drill's own on this machine's loopback, under a name that nobody can have (RFC 6761, 6.2). */
export interface LentKey {
  readonly port: number;
  /** What the agent has. */
  readonly stand: string;
  /** What becomes of it; of the same length. */
  readonly value: string;
  /** It is a sign-in: what it becomes at the token endpoint of the same target (LENT_ENDPOINT); of the same form. */
  readonly refresh: string;
}

/** What a drill lends. */
export interface Lease {
  readonly rules: readonly EgressRule[];
  readonly keys: readonly LentKey[];
}

export const KEYED_HOST = 'keyed.test';
/** Where it is refreshed (RFC 6749, 6), and as whom. */
export const LENT_ENDPOINT: { readonly host: string; readonly path: string; readonly client: string } = {
  host: KEYED_HOST,
  path: '/oauth/token',
  client: 'bulkhead-drill',
};
/** Neither can be anything that a request has in it otherwise, nor the value of a secret. */
const STAND = /^drill-stand-[0-9a-f]{32}$/;
const VALUE = /^drill-value-[0-9a-f]{32}$/;

export function lentKey(raw: unknown, at: string): LentKey {
  const given = members(raw, at, ['port', 'stand', 'value', 'refresh'], []);
  return {
    port: whole(given.port, `${at}.port`, PORT),
    stand: text(given.stand, `${at}.stand`, 'the placeholder of a drill', (one) => STAND.test(one)),
    value: text(given.value, `${at}.value`, 'the key of a drill', (one) => VALUE.test(one)),
    refresh: text(given.refresh, `${at}.refresh`, 'the key of a drill', (one) => VALUE.test(one)),
  };
}

/** Where it goes: as most keys do. */
export function lentBinding({ port, stand, value, refresh }: LentKey): SecretBinding {
  return {
    variable: 'BULKHEAD_DRILL',
    secret: secretName('bulkhead-drill'),
    host: KEYED_HOST,
    port,
    in: ['bearer', 'header x-drill-key'],
    methods: ['GET', 'POST'],
    paths: ['/v1/**'],
    lent: { stand, value, refresh },
  };
}

import type { Family } from '../attack.ts';
import { ADDRESSES } from './addresses.ts';
import { DEAD_END } from './dead-end.ts';
import { DIRECT } from './direct.ts';
import { DNS } from './dns.ts';
import { HTTP } from './http.ts';
import { LOCAL } from './local.ts';
import { MEETING } from './meeting.ts';
import { HOST_NAMES } from './names.ts';
import { RULES } from './rules.ts';
import { TIME } from './time.ts';
import { TLS } from './tls.ts';

/** Lines 1 to 31 and 115 to 117 of the list. */
export const NETWORK_FAMILY: Family = {
  attacks: [
    ...DIRECT,
    ...TIME,
    ...DNS,
    ...ADDRESSES,
    ...HOST_NAMES,
    ...TLS,
    ...HTTP,
    ...RULES,
    ...LOCAL,
    ...DEAD_END,
    ...MEETING,
  ],
  notApplicable: [],
};

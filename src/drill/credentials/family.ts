import type { Family } from '../attack.ts';
import { CREDENTIALS_LATER } from '../later.ts';
import { HELD_KEYS } from './held-keys.ts';
import { holders } from './holders.ts';
import { RECORDS } from './records.ts';

/** Lines 32 to 41. */
export const CREDENTIALS_FAMILY: Family = {
  attacks: [...holders, ...HELD_KEYS, ...RECORDS],
  notApplicable: CREDENTIALS_LATER,
};

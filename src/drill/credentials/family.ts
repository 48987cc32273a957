import type { Family } from '../attack.ts';
import { HELD_KEYS } from './held-keys.ts';
import { holders } from './holders.ts';
import { RECORDS } from './records.ts';
import { REFRESHING } from './refreshing.ts';

/** Lines 32 to 41. */
export const CREDENTIALS_FAMILY: Family = {
  attacks: [...holders, ...HELD_KEYS, ...REFRESHING, ...RECORDS],
  notApplicable: [],
};

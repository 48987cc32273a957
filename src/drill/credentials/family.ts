import type { Family } from '../attack.ts';
import { CREDENTIALS_LATER } from '../later.ts';
import { holders } from './holders.ts';

/** Lines 32 to 41. */
export const CREDENTIALS_FAMILY: Family = { attacks: holders, notApplicable: CREDENTIALS_LATER };

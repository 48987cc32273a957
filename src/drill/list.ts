import { FILE_ACCESS } from './access/files.ts';
import { NETWORK_ACCESS } from './access/network.ts';
import type { AccessTest, Family } from './attack.ts';
import { NETWORK_FAMILY } from './network/family.ts';

/** Everything the drill tries, in the order in which it is tried. */
export const FAMILIES: readonly Family[] = [NETWORK_FAMILY];

export const ACCESS: readonly AccessTest[] = [...NETWORK_ACCESS, ...FILE_ACCESS];

/** The list of attacks has this many lines. */
export const LINES = 119;

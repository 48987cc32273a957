import { FILE_ACCESS } from './access/files.ts';
import { NETWORK_ACCESS } from './access/network.ts';
import type { AccessTest, Family } from './attack.ts';
import { CONTROL_PLANE_FAMILY } from './control-plane/family.ts';
import { CREDENTIALS_FAMILY } from './credentials/family.ts';
import { FILES_FAMILY } from './files/family.ts';
import { NETWORK_FAMILY } from './network/family.ts';
import { PROCESSES_FAMILY } from './processes/family.ts';

/** Everything the drill tries, in the order in which it is tried. */
export const FAMILIES: readonly Family[] = [
  NETWORK_FAMILY,
  CREDENTIALS_FAMILY,
  FILES_FAMILY,
  PROCESSES_FAMILY,
  CONTROL_PLANE_FAMILY,
];

export const ACCESS: readonly AccessTest[] = [...NETWORK_ACCESS, ...FILE_ACCESS];

/** The list of attacks has this many lines. */
export const LINES = 119;
